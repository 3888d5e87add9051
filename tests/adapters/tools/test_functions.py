"""A typed async function becomes a tool, and what cannot be one is refused where it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from mamba_adapters.tools import ToolContext, ToolFailed, tool
from mamba_adapters.tools.functions import FunctionTool
from mamba_adapters.tools.registry import Registry
from mamba_domain.messages import JsonValue
from mamba_domain.tools import Placement, ToolError, ToolOutcome, ToolOutput, ToolProgress
from tests.adapters.tools.catalogue import Nothing
from tests.contracts.tool_registry import CONTEXT, a_call, steps_of


class Trip(BaseModel):
    """Where to."""

    city: Annotated[str, Field(min_length=2, description="A city")]
    day: date | None = None
    kind: Literal["rail", "road"] = "rail"


class Leg(BaseModel):
    name: str
    next: Leg | None = None


class Both(BaseModel):
    title: str
    one: Trip
    legs: list[Leg]


class Wanted(BaseModel):
    one: int | None
    two: int | str | None = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date


class Breaking(BaseModel):
    city: str

    def model_post_init(self, context: object) -> None:
        raise KeyError("secret")


@tool(timeout=3)
async def plan_trip(trip: Trip) -> dict[str, Any]:
    """Plan a trip.

    This is for readers of the code.
    """
    return {"city": trip.city, "day": trip.day, "kind": trip.kind}


async def outcome_of(made: FunctionTool, arguments: JsonValue = None) -> list[ToolProgress | ToolOutcome]:
    registry = Registry(tools={"tools.functions": [made]}, timeout=5, max_output_bytes=1000)
    return await steps_of(registry, a_call(made.spec.name, arguments))


def test_name_description_schema_and_time_out_come_from_the_function() -> None:
    spec = plan_trip.spec
    assert (spec.name, spec.description, spec.timeout) == ("plan_trip", "Plan a trip.", 3)
    assert (spec.placement, spec.dynamic) == (Placement.SERVER, False)
    assert spec.input_schema == {
        "type": "object",
        "description": "Where to.",
        "properties": {
            "city": {"type": "string", "minLength": 2, "description": "A city"},
            "day": {"type": "string", "format": "date"},
            "kind": {"type": "string", "enum": ["rail", "road"], "default": "rail"},
        },
        "required": ["city"],
    }


def test_name_and_description_can_be_given() -> None:
    @tool(name="other-name", description="What it does.")
    async def function(given: Nothing) -> None:
        """Not this."""

    assert (function.spec.name, function.spec.description) == ("other-name", "What it does.")


def test_a_model_within_a_model_is_put_in_place_and_only_recursion_needs_definitions() -> None:
    @tool(description="Go.")
    async def go(given: Both) -> None: ...

    schema = go.spec.input_schema
    properties, definitions = schema["properties"], schema["$defs"]
    assert isinstance(properties, dict)
    assert isinstance(definitions, dict)
    assert properties["title"] == {"type": "string"}
    assert properties["one"] == plan_trip.spec.input_schema
    assert list(definitions) == ["Leg"]
    leg = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Leg"}},
        "required": ["name"],
    }
    assert definitions["Leg"] == leg
    assert properties["legs"] == {"type": "array", "items": leg}


def test_null_that_is_required_stays_in_the_schema() -> None:
    @tool(description="Go.")
    async def go(given: Wanted) -> None: ...

    assert go.spec.input_schema["properties"] == {
        "one": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "two": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    }


async def test_input_is_read_as_json_and_output_written_as_json() -> None:
    steps = await outcome_of(plan_trip, {"city": "Rome", "day": "2026-05-01"})
    assert steps == [ToolOutput(output={"city": "Rome", "day": "2026-05-01", "kind": "rail"})]


async def test_a_strict_model_reads_json_too() -> None:
    @tool(description="Go.")
    async def go(given: Strict) -> date:
        return given.day

    assert await outcome_of(go, {"day": "2026-05-01"}) == [ToolOutput(output="2026-05-01")]


def test_the_input_is_shown_as_it_was_asked_for() -> None:
    assert plan_trip.validate({"city": "Rome", "extra": 1}) == {"city": "Rome", "extra": 1}
    with pytest.raises(ToolFailed, match="city"):
        plan_trip.validate({"city": "R"})


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(ToolFailed, match="Unicode"):
        plan_trip.validate({"city": "\ud83d\ud83d"})


def test_a_model_whose_validator_breaks_gives_nothing_away() -> None:
    @tool(description="Go.")
    async def go(given: Breaking) -> None: ...

    with pytest.raises(ToolFailed) as refusal:
        go.validate({"city": "Rome"})
    assert refusal.value.public_message == "The arguments could not be checked."


async def test_input_that_no_longer_fits_does_not_reach_the_function() -> None:
    (step,) = await outcome_of(plan_trip, {"city": "R"})
    assert isinstance(step, ToolError)
    assert "city" in step.error_text


async def test_a_generator_shows_progress_and_its_last_value_is_the_output() -> None:
    @tool(description="Search.")
    async def search(given: Nothing, context: ToolContext) -> AsyncIterator[dict[str, int]]:
        for found in (1, 2):
            yield {"found": found}

    assert await outcome_of(search) == [
        ToolProgress(output={"found": 1}),
        ToolProgress(output={"found": 2}),
        ToolOutput(output={"found": 2}),
    ]


async def test_a_generator_that_yields_nothing_failed() -> None:
    @tool(description="Search.")
    async def search(given: Nothing) -> AsyncIterator[int]:
        for number in range(0):
            yield number

    assert await outcome_of(search) == [ToolError(error_text="The tool gave no result.")]


async def test_a_generator_that_fails_midway_ends_with_the_error() -> None:
    @tool(description="Search.")
    async def search(given: Nothing) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("secret")

    assert await outcome_of(search) == [ToolProgress(output=1), ToolError(error_text="The tool failed.")]


async def test_the_time_out_is_for_the_whole_call_and_not_for_each_step() -> None:
    @tool(description="Go on.", timeout=0.05)
    async def go_on(given: Nothing) -> AsyncIterator[int]:
        while True:
            await asyncio.sleep(0.01)
            yield 1

    steps = await outcome_of(go_on)
    assert isinstance(steps[-1], ToolError)
    assert steps[-1].timed_out
    assert len(steps) < 10


async def test_a_tool_that_swallows_its_time_out_is_timed_out_all_the_same() -> None:
    @tool(description="Go on.", timeout=0.01)
    async def go_on(given: Nothing) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("secret") from None

    (step,) = await outcome_of(go_on)
    assert isinstance(step, ToolError)
    assert step.timed_out


async def test_a_time_out_inside_the_tool_is_a_fault_of_the_tool() -> None:
    @tool(description="Try.")
    async def attempt(given: Nothing) -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    assert await outcome_of(attempt) == [ToolError(error_text="The tool failed.")]


async def test_a_cancellation_that_nobody_asked_for_is_a_fault_of_the_tool() -> None:
    @tool(description="Give up.")
    async def give_up(given: Nothing) -> None:
        raise asyncio.CancelledError

    assert await outcome_of(give_up) == [ToolError(error_text="The tool failed.")]


async def test_several_faults_at_once_are_masked_too() -> None:
    async def fail() -> None:
        raise RuntimeError("secret")

    @tool(description="Fail twice.")
    async def twice(given: Nothing) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(fail())

    assert await outcome_of(twice) == [ToolError(error_text="The tool failed.")]


async def test_the_cause_of_a_fault_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    @tool(description="Fail.")
    async def fail(given: Nothing) -> None:
        raise RuntimeError("the cause")

    with caplog.at_level(logging.ERROR):
        await outcome_of(fail)
    (record,) = caplog.records
    assert record.message == "tool.failed"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the cause"


async def test_a_tool_that_fails_while_it_is_stopped_harms_nobody() -> None:
    @tool(description="Go on.")
    async def go_on(given: Nothing) -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            raise RuntimeError("secret")

    registry = Registry(tools={"tools.functions": [go_on]})
    async with registry.run(a_call("go_on"), CONTEXT) as steps:
        assert await anext(aiter(steps)) == ToolProgress(output=1)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (None, None),
        (float("nan"), None),
        ([float("inf"), 1.5], [None, 1.5]),
        (2**70, float(2**70)),
        (10**400, None),
        ("a\ud83db", "a\ufffdb"),
        ((1, 2), [1, 2]),
        ({"a": {3}}, {"a": [3]}),
        ({1: 2}, {"1": 2}),
        (b"text", "text"),
    ],
)
async def test_an_output_becomes_json_that_every_reader_accepts(output: object, expected: JsonValue) -> None:
    @tool(description="Say it.")
    async def say(given: Nothing) -> Any:
        return output

    assert await outcome_of(say) == [ToolOutput(output=expected)]


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "output",
    [
        "é" * 500,
        nested(70),
        object(),
        {"__proto__": 1},
        {"a": {"constructor": {"prototype": 1}}},
        b"\xff",
    ],
    ids=["too long", "too deep", "an object", "__proto__", "constructor.prototype", "bytes"],
)
async def test_an_output_that_cannot_be_sent_is_an_error(output: object) -> None:
    @tool(description="Say it.")
    async def say(given: Nothing) -> Any:
        return output

    (step,) = await outcome_of(say)
    assert isinstance(step, ToolError)
    assert "output" in step.error_text


async def test_progress_that_cannot_be_sent_ends_the_call() -> None:
    @tool(description="Say it.")
    async def say(given: Nothing) -> AsyncIterator[str]:
        yield "x" * 2000
        yield "short"

    (step,) = await outcome_of(say)
    assert isinstance(step, ToolError)


def test_approval_can_depend_on_the_input() -> None:
    @tool(description="Go.", approval=lambda trip: trip.kind == "road")
    async def go(trip: Trip) -> None: ...

    assert go.needs_approval({"city": "Rome", "kind": "road"})
    assert not go.needs_approval({"city": "Rome"})


@pytest.mark.parametrize("arguments", [{"city": "R"}, {}, None])
def test_a_predicate_that_cannot_decide_means_yes(arguments: JsonValue) -> None:
    @tool(description="Go.", approval=lambda trip: False)
    async def go(trip: Trip) -> None: ...

    assert go.needs_approval(arguments)


def test_a_predicate_that_breaks_means_yes() -> None:
    def broken(trip: Trip) -> bool:
        raise RuntimeError

    @tool(description="Go.", approval=broken)
    async def go(trip: Trip) -> None: ...

    assert go.needs_approval({"city": "Rome"})


async def no_parameter() -> None: ...
async def no_model(city: str) -> None: ...
async def no_types(trip) -> None: ...  # type: ignore[no-untyped-def]
async def wrong_context(trip: Trip, context: dict[str, str]) -> None: ...
async def three(trip: Trip, context: ToolContext, more: int) -> None: ...
async def keyword(*, trip: Trip) -> None: ...
async def any_number(*trips: Trip) -> None: ...
async def unknown_type(trip: Unknown) -> None: ...  # type: ignore[name-defined]  # noqa: F821


class Names(RootModel[list[str]]):
    pass


async def no_object(names: Names) -> None: ...


@pytest.mark.parametrize(
    "function",
    [no_parameter, no_model, no_types, wrong_context, three, keyword, any_number, unknown_type, no_object],
)
def test_a_function_with_other_parameters_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=function.__name__):
        tool(description="Go.")(function)


def test_a_plain_function_is_refused_since_it_would_hold_up_every_stream() -> None:
    def plain(trip: Trip) -> None: ...

    with pytest.raises(TypeError, match=r"plain must be an async function"):
        tool(description="Go.")(plain)


def test_a_function_that_says_nothing_about_itself_is_refused() -> None:
    async def silent(trip: Trip) -> None: ...

    with pytest.raises(TypeError, match="silent needs a description"):
        tool()(silent)


class Odd(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    thing: asyncio.Event


def test_a_model_without_a_schema_is_refused() -> None:
    async def odd(given: Odd) -> None: ...

    with pytest.raises(TypeError, match="odd has no JSON Schema"):
        tool(description="Go.")(odd)
