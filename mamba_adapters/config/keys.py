"""The list of all keys, read off the models: what each means, holds and allows."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mamba_adapters.config.settings import Allowed, Settings

__all__ = ["Key", "all_keys", "find_key", "table_at"]


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its dotted name, with the field that judges it."""

    name: str
    field: FieldInfo

    @property
    def default(self) -> Any:
        """The value without any setting; `None` is unset."""
        return self.field.get_default(call_default_factory=True, validated_data={})

    @property
    def is_container(self) -> bool:
        """Whether the value is a table or a list, which a text has to spell as JSON or TOML."""
        return any(_is_table(kind) or get_origin(kind) in (tuple, dict) for kind in _kinds(self.field.annotation))

    @property
    def allowed(self) -> str:
        """What may stand there, in words."""
        return _in_words(self.field.annotation, self.field.metadata)


def all_keys() -> dict[str, Key]:
    """Every key that holds a value, by dotted name, in the order of the models."""
    return {key.name: key for key in _walk(Settings, "")}


def find_key(path: Sequence[str | int]) -> Key | None:
    """The key or section at a path, which may lead into the entries of a list."""
    table = table_at(path[:-1]) if path else None
    field = table.model_fields.get(str(path[-1])) if table is not None else None
    return Key(".".join(map(str, path)), field) if field is not None else None


def table_at(path: Sequence[str | int]) -> type[BaseModel] | None:
    """The class that judges the table at a path, or an entry of the list there."""
    table: type[BaseModel] | None = Settings
    for part in path:
        if isinstance(part, str):
            field = table.model_fields.get(part) if table is not None else None
            table = _table_of(field.annotation) if field is not None else None
    return table


def _walk(table: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in table.model_fields.items():
        if _is_table(field.annotation):
            yield from _walk(field.annotation, f"{prefix}{name}.")
        else:
            yield Key(prefix + name, field)


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types of which a value may be, without `None` and without `Annotated`."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(kind for arg in get_args(annotation) for kind in _kinds(arg) if kind is not types.NoneType)
    return (annotation,)


def _is_table(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _table_of(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation names, alone or as the entry of a list."""
    return next((kind for kind in (annotation, *get_args(annotation)) if _is_table(kind)), None)


def _in_words(annotation: Any, metadata: Sequence[Any]) -> str:
    for mark in metadata:
        if isinstance(mark, Allowed):
            return mark.text
    (kind, *_) = _kinds(annotation)
    if get_origin(kind) is Literal:
        *others, last = (f'"{value}"' for value in get_args(kind))
        return f"{', '.join(others)} or {last}" if others else last
    if _is_table(kind):
        return f"a table with {', '.join(kind.model_fields)}"
    if kind is dict or get_origin(kind) is dict:
        return "a table"
    if get_origin(kind) is tuple:
        return "a list of tables" if _table_of(kind) else "a list"
    if kind in (int, float):
        return ("an integer" if kind is int else "a number") + _bounds(metadata)
    return {bool: "true or false", str: "any text"}[kind]


def _bounds(metadata: Sequence[Any]) -> str:
    low = next((mark.ge for mark in metadata if isinstance(mark, annotated_types.Ge)), None)
    above = next((mark.gt for mark in metadata if isinstance(mark, annotated_types.Gt)), None)
    high = next((mark.le for mark in metadata if isinstance(mark, annotated_types.Le)), None)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    words = [f"at least {low}"] if low is not None else [f"above {above}"] if above is not None else []
    if high is not None:
        words.append(f"at most {high}")
    return f", {' and '.join(words)}" if words else ""
