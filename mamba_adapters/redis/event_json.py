"""Turn events as JSON, and back: what a stream's entries hold.

An entry names the version of this form. A field that this version does not know is passed over, and a missing one takes
its default, so that processes of neighbouring releases read each other's streams; anything else is `Unreadable`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args

import orjson

from mamba_domain.errors import Code
from mamba_domain.events import FinishReason, Restored, Timings, TurnEvent, Usage

__all__ = ["Unreadable", "dump_events", "load_events"]

_VERSION: Final = 1
_TYPES: Final[Mapping[str, type[Any]]] = {kind.__name__: kind for kind in get_args(TurnEvent)}
_FIELDS: Final = {kind: frozenset(field.name for field in fields(kind)) for kind in (*_TYPES.values(), Usage, Timings)}


class Unreadable(Exception):
    """Bytes that are no events of this version."""


def dump_events(events: Sequence[TurnEvent]) -> bytes:
    """The events in order."""
    document = {"v": _VERSION, "e": [_tagged(event) for event in events]}
    try:
        return orjson.dumps(document)
    except TypeError:
        # An integer beyond 64 bits, or half of a surrogate pair: a tool's output may hold them.
        return json.dumps(document, default=_plain).encode()


def load_events(data: bytes) -> tuple[TurnEvent, ...]:
    """What `dump_events` was given. Raises `Unreadable`."""
    try:
        document = json.loads(data)
        if document["v"] != _VERSION:
            raise Unreadable(f"version {document['v']!r}")
        return tuple(_event(tag, content) for tag, content in document["e"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(type(error).__name__) from error


def _tagged(event: TurnEvent) -> tuple[str, object]:
    """Both encoders write a dataclass as an object; only the events inside `Restored` need their tags, too."""
    if isinstance(event, Restored):
        return "Restored", {"events": [_tagged(earlier) for earlier in event.events]}
    return type(event).__name__, event


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(type(value).__name__)


def _event(tag: str, content: Mapping[str, Any]) -> TurnEvent:
    kind = _TYPES[tag]
    values = {name: _value(name, value) for name, value in _known(kind, content).items()}
    event: TurnEvent = kind(**values)
    return event


def _value(name: str, value: Any) -> Any:
    """A field of an event by its name; a name means the same in every event."""
    match name:
        case "usage":
            return Usage(**_known(Usage, value))
        case "timings":
            return Timings(**_known(Timings, value))
        case "finish_reason":
            return FinishReason(value)
        case "code":
            return Code(value)
        case "events":
            return tuple(_event(tag, content) for tag, content in value)
        case _:
            return value


def _known(kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name in _FIELDS[kind]}
