"""Settings as they are written outside the code, against the models that the server reads them with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mamba_adapters.config.keys import table_at

__all__ = ["unknown_keys"]


def unknown_keys(value: object, path: Sequence[str | int] = ()) -> Iterator[str]:
    """The keys of a settings table that no model has, by dotted path."""
    match value:
        case dict() if (table := table_at(path)) is not None:
            for key, inner in value.items():
                if key in table.model_fields:
                    yield from unknown_keys(inner, (*path, key))
                else:
                    yield ".".join(map(str, (*path, key)))
        case list():
            for number, inner in enumerate(value):
                yield from unknown_keys(inner, (*path, number))
        case _:
            pass
