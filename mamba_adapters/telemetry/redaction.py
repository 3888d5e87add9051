"""Keeps secrets out of the log: by the name of a field, by their value, and by their look.

Fields are judged before a line is drawn, wherever they are nested. The finished line, tracebacks included, is then searched
for the secrets of the settings and for what looks like a bearer token, an OpenAI key, a JSON Web Token or a password in an
address: an exception's text may hold any of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final

__all__ = ["MASK", "line_masker", "mask_fields"]

MASK: Final = "****"

_SECRET_FIELD: Final = re.compile(
    r"(?:^|[_\-.])(?:api_?-?key|authorization|cookie|credentials?|passw(?:or)?d|private_key|secrets?|signature|token)$",
    re.IGNORECASE,
)
_TELLTALE: Final = (
    r"(?P<scheme>\b(?:[Bb]earer|[Bb]asic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|\bsk-[A-Za-z0-9_-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"
    r"|(?P<address>://[^/\s:@\"']*:)[^/\s@\"']+(?=@)"
)
_SHORTEST: Final = 6
_DEEPEST: Final = 6


def mask_fields(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: fields whose names say that they are secret lose their values."""
    for name, value in event.items():
        if _SECRET_FIELD.search(name):
            event[name] = MASK
        elif isinstance(value, dict | list | tuple):
            event[name] = _masked(value, _DEEPEST)
    return event


def line_masker(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets, and whatever looks like one, out of a finished line.

    A secret is found as it is, and as JSON and Python escape it. One of fewer than six characters is not looked for: it would be found
    everywhere.
    """
    known = {
        form
        for secret in secrets
        if len(secret) >= _SHORTEST
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    }
    named = [re.escape(form) for form in sorted(known, key=len, reverse=True)]
    pattern = re.compile("|".join([*named, _TELLTALE]))

    def replaced(found: re.Match[str]) -> str:
        return f"{found['scheme'] or found['address'] or ''}{MASK}"

    def mask(line: str) -> str:
        return pattern.sub(replaced, line)

    return mask


def _masked(value: Any, depth: int) -> Any:
    """A copy without secret fields; what is nested deeper than anybody logs is left out."""
    if not isinstance(value, dict | list | tuple):
        return value
    if not depth:
        return "…"
    if isinstance(value, dict):
        return {
            name: MASK if isinstance(name, str) and _SECRET_FIELD.search(name) else _masked(item, depth - 1)
            for name, item in value.items()
        }
    return [_masked(item, depth - 1) for item in value]
