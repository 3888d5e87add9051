"""Turns run beside the requests that asked for them, and end for a reason that is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.chat import Chat, ChatBusy, ChatPolicy, ChatRequest, NameTaken, OnDisconnect, WhenBusy
from mamba_domain.declared import Declaration
from mamba_domain.errors import PUBLIC_MESSAGES, Code, Rejected
from mamba_domain.events import TextDelta, TurnCancelled, TurnEvent, TurnFailed, TurnFinished, Usage
from mamba_domain.identity import Principal
from mamba_domain.messages import SystemMessage, TextPart, UserMessage
from mamba_domain.ports.admission import Quota, Refused
from mamba_domain.ports.observer import NullObserver
from mamba_domain.ports.seals import NoSeals
from mamba_domain.ports.streams import Follower, RequestKey, StreamId, StreamKey
from mamba_domain.turn import TurnLimits
from tests.fakes.approval_desk import FakeApprovals
from tests.fakes.scripted_model import Script, ScriptedModel, text_script
from tests.fakes.streams import FakeStreams
from tests.fakes.tool_registry import FakeTool, FakeTools

ALICE = Principal(subject="alice")
BOB = Principal(subject="bob")
HELLO = UserMessage(parts=(TextPart(text="Hello"),))


def hanging() -> tuple[Script, asyncio.Event]:
    """An answer that begins, and goes on when the event says so."""
    gate = asyncio.Event()
    first, *rest = text_script("Half", " and half.")
    return (first, gate, *rest), gate


class Tasks:
    """Runs work as tasks, and waits for it."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        async def run() -> None:
            await work

        self.tasks.append(asyncio.create_task(run(), name=name))
        return self.tasks[-1]

    async def over(self) -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*self.tasks)


class Places:
    """Admission that keeps who came, and what each took."""

    def __init__(self) -> None:
        self.admitted: list[Principal] = []
        self.taken: list[Usage] = []
        self.is_full = False

    def check(self) -> None:
        raise NotImplementedError

    async def admit(self, principal: Principal) -> Places:
        if self.is_full:
            raise Refused(Code.OVERLOADED, Quota(limit=1, remaining=0, resets_in=1.0))
        self.admitted.append(principal)
        return self

    async def quota(self, principal: Principal) -> None:
        raise NotImplementedError

    async def end(self, usage: Usage) -> None:
        self.taken.append(usage)


class Readers(NullObserver):
    """Counts who reads."""

    def __init__(self) -> None:
        self.present = 0

    def reader_joined(self) -> None:
        self.present += 1

    def reader_left(self) -> None:
        self.present -= 1


class House:
    """A chat with all that it stands on."""

    def __init__(self, *scripts: Script, **policy: Any) -> None:
        self.model = ScriptedModel(*scripts)
        self.streams = FakeStreams()
        self.places = Places()
        self.tasks = Tasks()
        self.readers = Readers()
        numbers = count(1)
        self.chat = Chat(
            catalog=ModelCatalog([ModelCard(id="gpt", upstream_model="gpt-1")]),
            model_for=lambda card: self.model,
            tools=FakeTools(FakeTool(name="look_up")),
            approvals=FakeApprovals(),
            seals=NoSeals(),
            streams=self.streams,
            admission=self.places,
            background=self.tasks,
            observer=self.readers,
            new_stream_id=lambda: f"s{next(numbers)}",
            limits=TurnLimits(),
            policy=ChatPolicy(**policy),
        )

    def events(self, stream_id: StreamId) -> list[TurnEvent]:
        return self.streams.streams[stream_id].events

    async def ended(self, stream_id: StreamId) -> TurnEvent:
        """The last event of a turn, when all turns are over."""
        await self.tasks.over()
        assert self.chat.running_turns == 0
        return self.events(stream_id)[-1]

    @asynccontextmanager
    async def reading(self, stream_id: StreamId) -> AsyncIterator[Follower]:
        """A reader who has heard the first words."""
        async with self.chat.follow(stream_id) as follower:
            assert follower is not None
            while not any(isinstance(event, TextDelta) for event in await follower.next() or ()):
                """Not yet."""
            yield follower


def ask(*, chat_id: str | None = "c1", principal: Principal = ALICE, **more: Any) -> ChatRequest:
    given = {"principal": principal, "messages": (HELLO,), "message_id": "m1", "chat_id": chat_id}
    return ChatRequest(**{**given, **more})


def named(name: str = "k1", fingerprint: str = "f1") -> RequestKey:
    return RequestKey(subject="alice", name=name, fingerprint=fingerprint)


async def test_a_turn_is_answered_and_its_place_given_back_with_what_it_took() -> None:
    house = House(text_script("Hello ", "there."))
    stream_id = await house.chat.start(ask())
    assert house.chat.running_turns == 1
    assert isinstance(await house.ended(stream_id), TurnFinished)
    assert house.places.admitted == [ALICE]
    assert house.places.taken == [Usage(input_tokens=10, output_tokens=5)]


async def test_readers_are_told_of_and_follow_from_the_first_event() -> None:
    script, gate = hanging()
    house = House(script)
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id), house.reading(stream_id) as second:
        assert house.readers.present == 2
        gate.set()
        heard: list[TurnEvent] = []
        while events := await second.next():
            heard += events
    assert isinstance(heard[-1], TurnFinished)
    assert house.readers.present == 0


async def test_where_there_is_no_stream_there_is_no_follower() -> None:
    async with House().chat.follow(StreamId("unknown")) as follower:
        assert follower is None


async def test_a_chat_is_resumed_by_its_owner_alone() -> None:
    script, gate = hanging()
    house = House(script)
    stream_id = await house.chat.start(ask())
    assert await house.chat.resumable("c1", ALICE) == stream_id
    assert await house.chat.resumable("c1", BOB) is None
    gate.set()
    await house.tasks.over()
    assert await house.chat.resumable("c1", ALICE) is None


async def test_a_turn_is_stopped_by_its_owner_alone() -> None:
    house = House(hanging()[0])
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        await house.chat.stop("c1", BOB)
        assert house.chat.running_turns == 1
        await house.chat.stop("c1", ALICE)
        await house.chat.stop("c1", ALICE)
        assert isinstance(await house.ended(stream_id), TurnCancelled)


async def test_a_turn_that_is_stopped_before_its_first_step_says_so_too() -> None:
    house = House(hanging()[0])
    stream_id = await house.chat.start(ask())
    await house.chat.stop("c1", ALICE)
    assert isinstance(await house.ended(stream_id), TurnCancelled)
    assert len(house.places.taken) == 1


async def test_a_turn_of_another_process_is_stopped_there() -> None:
    house = House()
    house.streams.elsewhere[StreamKey(subject="alice", chat_id="c1")] = StreamId("far")
    await house.chat.stop("c1", ALICE)
    await house.chat.stop("c2", ALICE)
    assert house.streams.stopped == ["far"]


async def test_words_about_streams_that_are_not_here_are_ignored() -> None:
    house = House()
    house.chat.stop_asked(StreamId("far"))
    house.chat.read_elsewhere(StreamId("far"))
    assert house.chat.running_turns == 0


async def test_the_end_of_the_process_fails_every_turn_and_hangs_up_on_readers_of_others() -> None:
    house = House(hanging()[0], hanging()[0])
    first, second = await house.chat.start(ask()), await house.chat.start(ask(chat_id=None))
    async with house.reading(first), house.reading(second):
        house.chat.stop_all()
        for stream_id in (first, second):
            end = await house.ended(stream_id)
            assert isinstance(end, TurnFailed)
            assert (end.code, end.message) == (Code.SHUTTING_DOWN, PUBLIC_MESSAGES[Code.SHUTTING_DOWN])
    assert [end.code for end in house.streams.hung_up] == [Code.SHUTTING_DOWN]


async def test_the_first_reason_for_an_end_counts() -> None:
    house = House(hanging()[0])
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        await house.chat.stop("c1", ALICE)
        house.chat.stop_all()
        assert isinstance(await house.ended(stream_id), TurnCancelled)


async def test_the_last_readers_leaving_ends_a_turn() -> None:
    house = House(hanging()[0])
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        async with house.reading(stream_id):
            """One of two."""
        assert house.chat.running_turns == 1
    assert isinstance(await house.ended(stream_id), TurnCancelled)


async def test_a_turn_goes_on_without_readers_where_the_operator_says_so() -> None:
    script, gate = hanging()
    house = House(script, on_disconnect=OnDisconnect.CONTINUE)
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        """It leaves at once."""
    gate.set()
    assert isinstance(await house.ended(stream_id), TurnFinished)


async def test_a_turn_lingers_for_a_reader_who_does_not_come() -> None:
    house = House(hanging()[0], on_disconnect=OnDisconnect.LINGER, linger_seconds=0.01)
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        """It leaves at once."""
    assert isinstance(await house.ended(stream_id), TurnCancelled)


@pytest.mark.parametrize("how", ["here", "elsewhere"])
async def test_a_turn_that_lingers_goes_on_when_somebody_reads_it(how: str) -> None:
    script, gate = hanging()
    house = House(script, on_disconnect=OnDisconnect.LINGER, linger_seconds=0.01)
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        house.chat.read_elsewhere(stream_id)
    if how == "elsewhere":
        house.chat.read_elsewhere(stream_id)
        await asyncio.sleep(0.05)
        gate.set()
    else:
        async with house.reading(stream_id):
            await asyncio.sleep(0.05)
            gate.set()
            await house.tasks.over()
    assert isinstance(await house.ended(stream_id), TurnFinished)


async def test_a_turn_that_ends_while_it_lingers_is_not_stopped_any_more() -> None:
    script, gate = hanging()
    house = House(script, on_disconnect=OnDisconnect.LINGER, linger_seconds=0.01)
    stream_id = await house.chat.start(ask())
    async with house.reading(stream_id):
        """It leaves at once."""
    gate.set()
    assert isinstance(await house.ended(stream_id), TurnFinished)


async def test_a_new_message_replaces_the_turn_of_its_chat() -> None:
    house = House(hanging()[0], text_script("New."))
    first = await house.chat.start(ask())
    async with house.reading(first):
        second = await house.chat.start(ask())
        assert isinstance(await house.ended(second), TurnFinished)
        assert isinstance(house.events(first)[-1], TurnCancelled)


async def test_a_new_message_is_refused_where_the_operator_wants_turns_spared() -> None:
    script, gate = hanging()
    house = House(script, text_script("New."), when_busy=WhenBusy.REJECT)
    first = await house.chat.start(ask())
    with pytest.raises(ChatBusy):
        await house.chat.start(ask(request_key=named()))
    assert len(house.places.taken) == 1
    gate.set()
    assert isinstance(await house.ended(first), TurnFinished)
    assert isinstance(await house.ended(await house.chat.start(ask(request_key=named()))), TurnFinished)


async def test_a_request_that_is_asked_again_gets_the_same_stream() -> None:
    script, gate = hanging()
    house = House(script)
    first = await house.chat.start(ask(request_key=named()))
    assert await house.chat.start(ask(request_key=named())) == first
    with pytest.raises(NameTaken):
        await house.chat.start(ask(request_key=named(fingerprint="f2")))
    gate.set()
    await house.tasks.over()
    assert len(house.model.requests) == len(house.places.admitted) == 1


async def test_a_named_turn_outlives_its_reader() -> None:
    script, gate = hanging()
    house = House(script)
    stream_id = await house.chat.start(ask(request_key=named()))
    async with house.reading(stream_id):
        """The connection is lost."""
    await asyncio.sleep(0)
    gate.set()
    assert isinstance(await house.ended(stream_id), TurnFinished)


@pytest.mark.parametrize("name", [None, named()])
async def test_where_there_is_no_place_nothing_is_taken(name: RequestKey | None) -> None:
    house = House(text_script("At last."))
    house.places.is_full = True
    with pytest.raises(Refused):
        await house.chat.start(ask(request_key=name))
    assert (house.chat.running_turns, house.places.taken) == (0, [])
    house.places.is_full = False
    assert isinstance(await house.ended(await house.chat.start(ask(request_key=name))), TurnFinished)


async def test_an_unknown_model_is_refused_before_anything_is_taken() -> None:
    house = House()
    with pytest.raises(Rejected) as refusal:
        await house.chat.start(ask(model_id="other"))
    assert refusal.value.code is Code.MODEL_NOT_FOUND
    assert house.places.admitted == []


SYSTEM = SystemMessage(text="Client's.")
OPERATOR = SystemMessage(text="Operator's.")


@pytest.mark.parametrize(
    ("policy", "prompt", "sent"),
    [
        ("keep", "", (SYSTEM, HELLO)),
        ("keep", "Operator's.", (OPERATOR, SYSTEM, HELLO)),
        ("drop", "Operator's.", (OPERATOR, HELLO)),
    ],
)
async def test_instructions_are_the_operators_first(policy: str, prompt: str, sent: tuple[object, ...]) -> None:
    house = House(text_script("Yes."), client_system_messages=policy, system_prompt=prompt)
    await house.ended(await house.chat.start(ask(messages=(SYSTEM, HELLO))))
    assert house.model.requests[0].messages == sent


async def test_a_clients_instructions_are_refused_where_the_operator_says_so() -> None:
    house = House(text_script("Yes."), client_system_messages="reject")
    with pytest.raises(Rejected):
        await house.chat.start(ask(messages=(SYSTEM, HELLO)))
    assert isinstance(await house.ended(await house.chat.start(ask())), TurnFinished)


@pytest.mark.parametrize(("asked", "allowed", "sent"), [(None, None, None), (9, None, 9), (None, 5, 5), (9, 5, 5)])
async def test_an_answer_is_as_long_as_both_allow(asked: int | None, allowed: int | None, sent: int | None) -> None:
    house = House(text_script("Yes."), max_output_tokens=allowed)
    await house.ended(await house.chat.start(ask(max_output_tokens=asked)))
    assert house.model.requests[0].max_output_tokens == sent


async def test_tools_that_a_client_brings_along_are_offered() -> None:
    house = House(text_script("Yes."), text_script("Yes."))
    await house.ended(await house.chat.start(ask(declared=Declaration(tools=(), beside=frozenset()))))
    await house.ended(await house.chat.start(ask()))
    with_none, with_ours = house.model.requests
    assert [spec.name for spec in with_none.tools] == []
    assert [spec.name for spec in with_ours.tools] == ["look_up"]
