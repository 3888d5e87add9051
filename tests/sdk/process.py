"""A Node process that answers commands: one JSON line there, one JSON line back, in any order."""

import asyncio
import collections
import itertools
import json
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from tests.sdk.node import FOLDER, node_executable

__all__ = ["NodeProcess", "SdkFault", "SdkTimeout"]

_Json: TypeAlias = dict[str, Any]
_STARTING: Final = 30.0
_ANSWERING: Final = 10.0
_ENDING: Final = 5.0
_LINE_LIMIT: Final = 64 * 1024 * 1024


class SdkFault(Exception):
    """The harness or the release cannot do what it was asked to."""


class SdkTimeout(SdkFault):
    """What was waited for did not happen in time."""


class NodeProcess:
    """`name` is how it is called in errors; `arguments` begin with the program, in this folder."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self._name = name
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[int, asyncio.Future[_Json]] = {}
        self._ended = False
        self._sequence = itertools.count(1)
        self._printed: collections.deque[str] = collections.deque(maxlen=50)

    async def start(self) -> None:
        """Returns when the program has said that it takes commands."""
        node = node_executable()
        if node is None:
            raise SdkFault("There is no Node to run the clients with.")
        ready = self._expect(0)
        self._process = await asyncio.create_subprocess_exec(
            node,
            *self._arguments,
            cwd=FOLDER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        self._prints = asyncio.create_task(self._read_prints())
        self._reader = asyncio.create_task(self._read_answers())
        try:
            await self._answer(ready, _STARTING)
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Ends the process: by the end of its input, or by force when that takes it too long."""
        process = self._running()
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _ENDING)
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._reader

    async def command(self, op: str, patience: float = 0.0, /, **arguments: Any) -> _Json:
        """One command; None stands for an argument that is left out.

        `patience` is how many seconds the operation itself may take. Raises SdkFault when it was not done.
        """
        process, sequence = self._running(), next(self._sequence)
        if self._ended:
            raise self._end_fault()
        told = {name: value for name, value in arguments.items() if value is not None}
        answered = self._expect(sequence)
        assert process.stdin is not None
        process.stdin.write(json.dumps({"seq": sequence, "op": op, **told}).encode() + b"\n")
        answer = await self._answer(answered, patience + _ANSWERING)
        if not answer["ok"]:
            raise SdkFault(f"{self._name}: {op}: {answer['fault']}")
        return answer

    def _expect(self, sequence: int) -> "asyncio.Future[_Json]":
        future: asyncio.Future[_Json] = asyncio.get_running_loop().create_future()
        self._answers[sequence] = future
        return future

    async def _answer(self, future: "asyncio.Future[_Json]", timeout: float) -> _Json:
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError:
            raise SdkTimeout(f"{self._name}: Node did not answer in {timeout:g} s. {self._last_words()}") from None

    async def _read_answers(self) -> None:
        stdout = self._running().stdout
        assert stdout is not None
        async for line in stdout:
            answer: _Json = json.loads(line)
            future = self._answers.pop(answer["seq"])
            if not future.done():
                future.set_result(answer)
        self._ended = True
        await self._prints
        for future in self._answers.values():
            if not future.done():
                future.set_exception(self._end_fault())
        self._answers.clear()

    async def _read_prints(self) -> None:
        stderr = self._running().stderr
        assert stderr is not None
        async for line in stderr:
            self._printed.append(line.decode("utf-8", "replace"))

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise SdkFault(f"{self._name}: the process was not started.")
        return self._process

    def _end_fault(self) -> SdkFault:
        return SdkFault(f"{self._name}: Node has ended. {self._last_words()}")

    def _last_words(self) -> str:
        return "It printed:\n" + "".join(self._printed) if self._printed else "It printed nothing."
