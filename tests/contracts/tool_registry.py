"""What every `ToolRegistry` promises, as tests that each implementation runs: subclass, give a `registry` fixture.

The registry must hold these tools:

- `echo` (server) returns its input, which must be `{"text": <a string>}`;
- `count` (server) shows progress 1 and 2, and returns 2;
- `broken` (server) raises an exception that says "secret"; `closed` (server) raises `ToolFailed("The shop
  is closed.")`;
- `endless` (server, time-out 0.05 s) never returns;
- `waiting` (server, time-out 60 s) neither: it awaits `wait()` of the fixture `waiting`;
- `large` (server) returns more than any limit allows; `odd` (server) returns what is no JSON;
- `guarded` (server) needs approval; `scoped` (server) is for callers with the scope "special";
- `show` (display); `pick` (client).
"""

from __future__ import annotations

import asyncio

import pytest

from mamba_domain.errors import ToolFailed
from mamba_domain.identity import ANONYMOUS, Principal
from mamba_domain.messages import JsonValue
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.tools import (
    Placement,
    ToolCall,
    ToolContext,
    ToolError,
    ToolOutcome,
    ToolOutput,
    ToolProgress,
)

__all__ = ["ToolRegistryContract", "Waiting"]

CONTEXT = ToolContext(principal=ANONYMOUS, chat_id="chat")


def a_call(tool: str, arguments: JsonValue = None) -> ToolCall:
    return ToolCall(call_id="call", tool=tool, input={} if arguments is None else arguments)


async def steps_of(registry: ToolRegistry, call: ToolCall) -> list[ToolProgress | ToolOutcome]:
    async with registry.run(call, CONTEXT) as steps:
        return [step async for step in steps]


class Waiting:
    """What the tool `waiting` does, and what has become of it."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.stopped = False

    async def wait(self) -> None:
        """Wait for ever."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped = True


class ToolRegistryContract:
    """The suite."""

    @pytest.fixture
    def waiting(self) -> Waiting:
        return Waiting()

    def test_each_name_is_offered_once(self, registry: ToolRegistry) -> None:
        names = [spec.name for spec in registry.offered(None, ANONYMOUS)]
        assert len(set(names)) == len(names)
        assert {"echo", "show", "pick"} <= set(names)

    def test_only_the_named_tools_are_offered_and_unknown_names_are_left_out(self, registry: ToolRegistry) -> None:
        offered = registry.offered(["pick", "nobody", "echo", "echo"], ANONYMOUS)
        assert {spec.name for spec in offered} == {"echo", "pick"}
        assert len(offered) == 2

    def test_no_names_means_no_tools(self, registry: ToolRegistry) -> None:
        assert registry.offered([], ANONYMOUS) == ()

    def test_a_tool_is_offered_only_to_callers_who_may_use_it(self, registry: ToolRegistry) -> None:
        special = Principal(subject="someone", scopes=frozenset({"special"}))
        assert registry.offered(["scoped"], ANONYMOUS) == ()
        assert [spec.name for spec in registry.offered(["scoped"], special)] == ["scoped"]

    @pytest.mark.parametrize("name", ["Echo", "echo ", "", "__class__", "__init__", "find"])
    def test_a_name_is_found_letter_for_letter_or_not_at_all(self, registry: ToolRegistry, name: str) -> None:
        assert registry.find(name) is None
        with pytest.raises(ToolFailed):
            registry.validate(name, {})

    @pytest.mark.parametrize(
        ("name", "placement"),
        [("echo", Placement.SERVER), ("show", Placement.DISPLAY), ("pick", Placement.CLIENT)],
    )
    def test_a_tool_says_where_it_is_carried_out(self, registry: ToolRegistry, name: str, placement: Placement) -> None:
        spec = registry.find(name)
        assert spec is not None
        assert (spec.name, spec.placement) == (name, placement)

    def test_valid_input_comes_back_as_the_tool_will_see_it(self, registry: ToolRegistry) -> None:
        assert registry.validate("echo", {"text": "hello"}) == {"text": "hello"}

    @pytest.mark.parametrize("arguments", [{"text": 5}, {}, [], "text", None, 7, {"text": ["a"]}])
    def test_input_against_the_schema_is_refused_with_a_message(
        self, registry: ToolRegistry, arguments: JsonValue
    ) -> None:
        with pytest.raises(ToolFailed) as refusal:
            registry.validate("echo", arguments)
        assert refusal.value.public_message

    def test_only_what_asks_for_approval_needs_it(self, registry: ToolRegistry) -> None:
        assert registry.needs_approval(a_call("guarded"))
        assert not registry.needs_approval(a_call("echo", {"text": "hello"}))

    async def test_a_call_ends_with_its_output(self, registry: ToolRegistry) -> None:
        steps = await steps_of(registry, a_call("echo", {"text": "hello"}))
        assert steps == [ToolOutput(output={"text": "hello"})]

    async def test_progress_comes_before_the_outcome(self, registry: ToolRegistry) -> None:
        steps = await steps_of(registry, a_call("count"))
        assert steps == [ToolProgress(output=1), ToolProgress(output=2), ToolOutput(output=2)]

    async def test_an_exception_is_an_error_that_gives_nothing_away(self, registry: ToolRegistry) -> None:
        (step,) = await steps_of(registry, a_call("broken"))
        assert isinstance(step, ToolError)
        assert "secret" not in step.error_text
        assert not step.timed_out

    async def test_a_failure_meant_for_the_model_is_passed_on(self, registry: ToolRegistry) -> None:
        assert await steps_of(registry, a_call("closed")) == [ToolError(error_text="The shop is closed.")]

    async def test_a_tool_that_takes_too_long_is_an_error(self, registry: ToolRegistry) -> None:
        (step,) = await steps_of(registry, a_call("endless"))
        assert isinstance(step, ToolError)
        assert step.timed_out

    @pytest.mark.parametrize("tool", ["large", "odd"])
    async def test_an_output_that_cannot_be_sent_is_an_error(self, registry: ToolRegistry, tool: str) -> None:
        (step,) = await steps_of(registry, a_call(tool))
        assert isinstance(step, ToolError)

    async def test_cancellation_passes_and_stops_the_tool(self, registry: ToolRegistry, waiting: Waiting) -> None:
        running = asyncio.create_task(steps_of(registry, a_call("waiting")))
        await waiting.began.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert waiting.stopped

    async def test_leaving_early_stops_the_tool(self, registry: ToolRegistry) -> None:
        async with registry.run(a_call("count"), CONTEXT) as steps:
            assert await anext(aiter(steps)) == ToolProgress(output=1)
        assert [step async for step in steps] == []
