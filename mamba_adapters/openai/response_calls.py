"""The function calls of one streamed response, from their first sign to their end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mamba_domain.events import ModelEvent, ToolCallCompleted, ToolInputDelta, ToolInputStarted

__all__ = ["ResponseCalls"]


@dataclass(slots=True)
class _Call:
    """A call as its pieces arrive."""

    call_id: str
    name: str
    arguments: list[str] = field(default_factory=list)
    is_started: bool = False
    is_complete: bool = False


class ResponseCalls:
    """Finds the call that an event is about, though compatible servers leave out or mix up what identifies it."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_item: dict[str, _Call] = {}
        self._by_place: dict[int, _Call] = {}

    def __len__(self) -> int:
        """How many calls there are so far."""
        return len(self._calls)

    def id_of(self, item: dict[str, Any]) -> str:
        """The id of the call that `item` is."""
        return _text(item.get("call_id")) or _text(item.get("id")) or f"call_{len(self._calls)}"

    def begin(self, event: dict[str, Any], item: dict[str, Any], out: list[ModelEvent]) -> None:
        """The model begins a call. It is told once its name is known."""
        call = _Call(self.id_of(item), _text(item.get("name")))
        self._calls.append(call)
        if item_id := _text(item.get("id")):
            self._by_item[item_id] = call
        if type(place := event.get("output_index")) is int:
            self._by_place[place] = call
        if call.name:
            self._start(call, out)
        self._argue(call, _text(item.get("arguments")), out)

    def argue(self, event: dict[str, Any], out: list[ModelEvent]) -> None:
        """More of a call's arguments."""
        call = self._find(event, _text(event.get("item_id")))
        if call is not None:
            self._argue(call, _text(event.get("delta")), out)

    def argued(self, event: dict[str, Any], out: list[ModelEvent]) -> None:
        """A call's arguments as a whole: news only where they did not come in pieces."""
        call = self._find(event, _text(event.get("item_id")))
        if call is not None and not call.arguments:
            self._argue(call, _text(event.get("arguments")), out)

    def knows(self, event: dict[str, Any], item: dict[str, Any]) -> bool:
        """Whether the call that `item` is has begun."""
        return self._known(event, item) is not None

    def complete(self, event: dict[str, Any], item: dict[str, Any], out: list[ModelEvent]) -> None:
        """The model finished a call; what was shown piece by piece counts, the whole only where nothing was."""
        call = self._known(event, item)
        if call is not None and not call.is_complete:
            call.name = call.name or _text(item.get("name"))
            if not call.arguments:
                self._argue(call, _text(item.get("arguments")), out)
            self._complete(call, out)

    def complete_all(self, out: list[ModelEvent]) -> None:
        """The answer is over: so are the calls whose end was not told."""
        for call in self._calls:
            if not call.is_complete:
                self._complete(call, out)

    def _start(self, call: _Call, out: list[ModelEvent]) -> None:
        call.is_started = True
        out.append(ToolInputStarted(call_id=call.call_id, tool=call.name))

    def _argue(self, call: _Call, text: str, out: list[ModelEvent]) -> None:
        if not text:
            return
        call.arguments.append(text)
        if call.is_started:
            last = out[-1] if out else None
            if isinstance(last, ToolInputDelta) and last.call_id == call.call_id:
                out[-1] = ToolInputDelta(call_id=call.call_id, text=last.text + text)
            else:
                out.append(ToolInputDelta(call_id=call.call_id, text=text))

    def _complete(self, call: _Call, out: list[ModelEvent]) -> None:
        call.is_complete = True
        arguments = "".join(call.arguments)
        if not call.is_started:
            self._start(call, out)
            if arguments:
                out.append(ToolInputDelta(call_id=call.call_id, text=arguments))
        out.append(ToolCallCompleted(call_id=call.call_id, tool=call.name, arguments=arguments))

    def _known(self, event: dict[str, Any], item: dict[str, Any]) -> _Call | None:
        call = self._find(event, _text(item.get("id")), may_be_complete=True)
        call_id = _text(item.get("call_id"))
        return call if call is not None and call_id in ("", call.call_id) else None

    def _find(self, event: dict[str, Any], item_id: str, *, may_be_complete: bool = False) -> _Call | None:
        """By the item's id, by its place among the items, else the latest; a call that is complete takes nothing more."""
        candidates = [self._by_item.get(item_id)]
        if type(place := event.get("output_index")) is int:
            candidates.append(self._by_place.get(place))
        candidates += reversed(self._calls)
        return next(
            (call for call in candidates if call is not None and (may_be_complete or not call.is_complete)), None
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
