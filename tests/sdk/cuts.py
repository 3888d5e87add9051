"""Cuts answers at random bytes on their way to the real npm clients, which then come back for the whole of them.

    python -m tests.sdk.cuts 1000 --redis --other-replica

prints how many of the messages equal those of uninterrupted runs, and how long coming back took; the exit status is 1
where one does not. Cuts are drawn from everything that is sent while the turn runs: what the server has sent to its end
counts as read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from tests.app.harness import running_app, settings
from tests.fakes.openai_server import FakeOpenAI, Reply, Step, Text, Until, say, think, tool_call
from tests.fakes.redis_server import RedisServer
from tests.sdk.broken_line import broken_line
from tests.sdk.clients import SdkClient
from tests.sdk.state import ChatState

__all__ = ["RESUMING", "Cut", "Result", "Scene", "cuts_of", "scene"]

RESUMING: Final = ("4.3.19", "5.0.0", "5.0.277", "6.0.0", "6.0.326", "7.0.0", "7.0.173")
"""The oldest and the newest of each major."""
_IN_THE_SAME_TAB: Final = ("6.0.326", "7.0.173")
"""Releases that take a replay for what it is where they have a part of the answer already."""
_LAST_BEFORE_THE_END: Final = "Nearly there."
_EVERY: Final = 0.002
"""Seconds between two deltas of the model."""
_QUESTION: Final = "What grows here?"
_CHART: Final = {
    "title": "Growth",
    "chartType": "bar",
    "data": [{"label": f"Year {number}", "value": number * number} for number in range(8)],
}
_WORDS: Final = (
    "One ",
    "two, ",
    "drei — ",
    "四, ",
    "fünf; ",
    "🌱🌿🌳 ",
    'six "quoted"\n',
    "\\ seven \t",
    "</script> ",
    "8. ",
)
_VARYING: Final = ("id", "createdAt", "revisionId", "model", "ttftMs", "durationMs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One cut: `fraction` of what is sent while the turn runs comes through.

    The turn may end `ends_after` seconds after the service has noticed; the page, or another one in place of it, comes back
    `waits` seconds after it has noticed, to the same server or to the other one.
    """

    fraction: float
    resets: bool
    same_tab: bool
    elsewhere: bool
    ends_after: float
    waits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a cut. `difference` is empty where the message equals the uninterrupted one."""

    release: str
    byte: int
    difference: str
    attached: float


class Scene:
    """The service, on one server or two, and a model whose answers have a gate before their end."""

    def __init__(self, upstream: FakeOpenAI, here: int, there: int) -> None:
        self._upstream = upstream
        self._here = here
        self._there = there
        self._count = 0
        self._uninterrupted: dict[str, tuple[Any, int]] = {}

    async def cut(self, sdk: SdkClient, cut: Cut) -> Result:
        """Run a turn, cut it, come back, and compare."""
        expected, length = await self._whole(sdk)
        name, gate = self._prepared()
        async with broken_line(
            self._here,
            port_afterwards=self._there if cut.elsewhere else self._here,
            breaks_after=1 + int(cut.fraction * (length - 1)),
            at_latest=_LAST_BEFORE_THE_END.encode(),
            resets=cut.resets,
        ) as line:
            api = f"{line.url}/api/chat"
            chat = await sdk.chat(api, id=name)
            await chat.send(_QUESTION, body={"model": name}, wait=False)
            async with asyncio.timeout(20):
                await line.passed.wait()
            ending = asyncio.get_running_loop().call_later(cut.ends_after, gate.set)
            before = await chat.idle()
            await asyncio.sleep(cut.waits)
            if cut.same_tab:
                after = await chat.resume()
            else:
                page = await sdk.chat(api, id=name, messages=_asked(before), resume=True)
                after = await page.idle()
            ending.cancel()
            gate.set()
            attached = line.attached[0] if line.attached else 0.0
            byte = line.bytes
        return Result(
            release=sdk.release, byte=byte, difference=_difference(expected, before, after), attached=attached
        )

    async def _whole(self, sdk: SdkClient) -> tuple[Any, int]:
        """The message of an uninterrupted run, and how many bytes are sent before the gate."""
        if sdk.release not in self._uninterrupted:
            name, gate = self._prepared()
            async with broken_line(self._here, at_latest=_LAST_BEFORE_THE_END.encode()) as line:
                chat = await sdk.chat(f"{line.url}/api/chat", id=name)
                await chat.send(_QUESTION, body={"model": name}, wait=False)
                async with asyncio.timeout(20):
                    await line.passed.wait()
                gate.set()
                state = await chat.idle()
            assert state.error is None
            assert state.text.endswith("The end.")
            self._uninterrupted[sdk.release] = _essence(state.answer), line.bytes
        return self._uninterrupted[sdk.release]

    def _prepared(self) -> tuple[str, asyncio.Event]:
        """A model of its own for one turn, and what opens its gate."""
        self._count += 1
        name, gate = f"cut-{self._count:06}", asyncio.Event()
        chart = json.dumps(_CHART)
        pieces = [chart[at : at + 20] for at in range(0, len(chart), 20)]
        first: list[Step] = [*think(*_WORDS), *say(*_WORDS), *tool_call(0, "call-1", "generateChart", *pieces)]
        second: list[Step] = [*say(*_WORDS, _LAST_BEFORE_THE_END), Until(gate), Text(" The end.")]
        self._upstream.script(
            [Reply(steps=tuple(first), finish="tool_calls", every=_EVERY), Reply(steps=tuple(second), every=_EVERY)],
            model=name,
        )
        return name, gate


@asynccontextmanager
async def scene(*, redis: RedisServer | None = None, other_replica: bool = False) -> AsyncIterator[Scene]:
    """One server, or two over a Redis."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(FakeOpenAI())
        values: dict[str, object] = {
            "model.adapter": "openai-chat",
            "openai.api_key": "sk-ours",
            "openai.base_url": upstream.base_url,
            "chat.open_models": True,
            "streams.on_disconnect": "linger",
        }
        if redis is not None:
            values |= {"streams.adapter": "redis", "redis.url": redis.url}
        here = await stack.enter_async_context(running_app(settings(values)))
        there = await stack.enter_async_context(running_app(settings(values))) if other_replica else here
        yield Scene(upstream, here.port, there.port)


def cuts_of(release: str, *, seed: int, other_replica: bool) -> Iterator[Cut]:
    """Cuts without end, the same ones for the same seed."""
    chance = random.Random(f"{release} {seed}")
    while True:
        yield Cut(
            fraction=chance.random(),
            resets=chance.random() < 0.5,
            same_tab=release in _IN_THE_SAME_TAB and chance.random() < 0.5,
            elsewhere=other_replica and chance.random() < 0.5,
            ends_after=chance.choice((0.0, 0.02, 0.1)),
            waits=chance.choice((0.0, 0.0, 0.05)),
        )


def _asked(state: ChatState) -> list[Mapping[str, Any]]:
    """The history with which a page is rendered while an answer runs: without the answer."""
    return [message for message in state.messages if message["role"] == "user"]


def _essence(value: Any) -> Any:
    """What is the same in two runs of the same turn."""
    if isinstance(value, list):
        return [_essence(item) for item in value]
    if isinstance(value, dict):
        return {name: _essence(item) for name, item in value.items() if name not in _VARYING}
    return value


def _difference(expected: Any, before: ChatState, after: ChatState) -> str:
    """What is wrong with the message that was come back to; empty where nothing is."""
    if before.requests[0].outcome != "failed":
        return f"the answer was not cut: {before.requests[0]}"
    back = after.requests[-1]
    if (back.method, back.status, after.status) != ("GET", 200, "ready"):
        return f"there was no coming back: {back}, {after.status}, {after.error}"
    if after.messages[-1]["role"] != "assistant":
        return "there is no answer"
    if before.messages[-1]["role"] == "assistant" and before.answer["id"] != after.answer["id"]:
        return f"the answer has another id: {before.answer['id']}, {after.answer['id']}"
    found = _essence(after.answer)
    return "" if found == expected else f"{json.dumps(found)}\nis not\n{json.dumps(expected)}"


async def _run(count: int, *, redis: bool, other_replica: bool, seed: int, at_once: int) -> Sequence[Result]:
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        server = stack.enter_context(RedisServer()) if redis else None
        played = await stack.enter_async_context(scene(redis=server, other_replica=other_replica))
        clients = [await stack.enter_async_context(SdkClient(release)) for release in RESUMING]
        work = [(sdk, cuts_of(sdk.release, seed=seed, other_replica=other_replica)) for sdk in clients]
        turns = iter(range(count))

        async def worker() -> None:
            for number in turns:
                sdk, cuts = work[number % len(work)]
                result = await played.cut(sdk, next(cuts))
                results.append(result)
                if result.difference:
                    print(f"{result.release}, byte {result.byte}: {result.difference}", flush=True)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
    return results


def _main() -> int:
    parser = argparse.ArgumentParser(description="Cut answers at random bytes; the npm clients come back for them.")
    parser.add_argument("count", type=int)
    parser.add_argument("--redis", action="store_true", help="keep the streams in Redis, too")
    parser.add_argument("--other-replica", action="store_true", help="come back to another server every other time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1, help="how many at the same time")
    given = parser.parse_args()
    if given.other_replica and not given.redis:
        parser.error("--other-replica needs --redis")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    results = asyncio.run(
        _run(
            given.count,
            redis=given.redis,
            other_replica=given.other_replica,
            seed=given.seed,
            at_once=given.at_once,
        )
    )
    wrong = sum(bool(result.difference) for result in results)
    times = sorted(result.attached * 1000 for result in results)
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print(f"{len(results)} cuts, {wrong} wrong; back within {p50:.1f} ms (p50), {p99:.1f} ms (p99), {times[-1]:.1f} ms")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(_main())
