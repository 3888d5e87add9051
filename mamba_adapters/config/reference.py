"""The settings as a page of the documentation: `python -m mamba_adapters.config.reference > docs/configuration.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from mamba_adapters.config.environment import ALIASES
from mamba_adapters.config.keys import Key, all_keys, table_at

__all__ = ["settings_page"]

_OPENING = """\
# Configuration

<!-- Made from the settings' models: python -m mamba_adapters.config.reference > docs/configuration.md -->

Every setting has a default, so a file holds only what differs. A key can stand in any of these places, the strongest first:

| place | for |
| --- | --- |
| `MAMBA_*` variables: `MAMBA_SERVER__PORT` is `server.port` | containers; two underscores nest |
| `OPENAI_API_KEY`, `OPENAI_BASE_URL` | what other tools set already |
| `config.local.yaml`, `settings.local.toml`, `.secrets.toml` | one machine, and secrets; not committed |
| `config.yaml`, `settings.toml` | what is committed |
| the default | |

- Tables are merged key by key; lists are replaced as a whole. TOML and YAML have the same keys.
- The files are read from the current directory, or from where `--config-dir` or `MAMBA_CONFIG_DIR` says.
- In a variable, texts are taken letter for letter, numbers and truths as they are read, lists and tables as JSON or TOML. An
  empty variable counts as not set.
- An unknown key, a wrong type or a missing secret stops the start with exit status 2 and a line for each problem: the key, its
  source, what is wrong, what is allowed. A `MAMBA_` variable without two underscores that is no setting is noted, not refused.
- Settings are read once: restart to change one.

```toml
# settings.local.toml
[server]
port = 9000

[cors]
origins = ["https://app.example.org"]
```

```console
$ mamba-server check-config    # judge the settings without starting
$ mamba-server config          # every value with its source, secrets masked
$ mamba-server doctor          # ask what they name: providers, Redis, an issuer
```

[settings.toml](../settings.toml) holds the same keys as a file to copy from. The sections:
"""

_ENTRIES = "Each entry of `{name}` has:"


def settings_page() -> str:
    """The text of `docs/configuration.md`."""
    keys = list(all_keys().values())
    sections = [(name, list(group)) for name, group in groupby(keys, key=lambda key: key.name.rpartition(".")[0])]
    contents = ", ".join(f"[{name}](#{name})" for name, _ in sections if name)
    parts = [_OPENING + contents + " and [models](#models)."]
    parts += ["\n".join(_section(name, group)) for name, group in sections if name]
    parts += ["\n".join(_section("", group)) for name, group in sections if not name]
    return "\n\n".join(parts) + "\n"


def _section(name: str, keys: list[Key]) -> Iterator[str]:
    table = table_at(name.split(".")) if name else None
    yield f"## {name or 'models'}"
    yield ""
    if table is not None:
        yield (table.__doc__ or "").strip()
        yield ""
    yield "| key | default | meaning | allowed |"
    yield "| --- | --- | --- | --- |"
    for key in keys:
        yield _row(key.name, _shown(key.default), key)
    for key in keys:
        if (alias := next((it for it, of in ALIASES.items() if of == key.name), None)) is not None:
            yield ""
            yield f"`{alias}` sets `{key.name}` too."
    for key in keys:
        yield from _entries(key)


def _entries(key: Key) -> Iterator[str]:
    """The keys of a list's entries."""
    entry = table_at([key.name, 0] if "." not in key.name else [*key.name.split("."), 0])
    if entry is None:
        return
    yield ""
    yield _ENTRIES.format(name=key.name)
    yield ""
    yield "| key | default | meaning | allowed |"
    yield "| --- | --- | --- | --- |"
    for name, field in entry.model_fields.items():
        inner = Key(name, field)
        default = "required" if field.is_required() else _shown(inner.default)
        yield _row(name, default, inner)


def _row(name: str, default: str, key: Key) -> str:
    meaning, allowed = (text.replace("|", r"\|").replace("<", "&lt;") for text in (_meaning(key), key.allowed))
    return f"| `{name}` | {default} | {meaning} | {allowed} |"


def _meaning(key: Key) -> str:
    return key.field.description or ""


def _shown(value: Any) -> str:
    if value is None or value is PydanticUndefined:
        return "unset"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    sys.stdout.write(settings_page())
