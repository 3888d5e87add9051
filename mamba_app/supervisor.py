"""Runs turns as tasks beside the requests, and ends them with the process: the `Background` port on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Protocol

__all__ = ["FailureLog", "Supervisor"]


class FailureLog(Protocol):
    """Where an exception that escaped its work is told."""

    def work_failed(self, *, name: str, error: BaseException) -> None:
        """Write it down."""
        ...


class Supervisor:
    """Holds a strong reference to every task until it is over."""

    def __init__(self, failures: FailureLog) -> None:
        self._failures = failures
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many units of work are under way."""
        return len(self._tasks)

    def start(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """See the port."""
        task = asyncio.get_running_loop().create_task(_typed(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return task

    async def drain(self, seconds: float) -> bool:
        """Wait until all work is over, `seconds` at most; whether it is."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        return not self._tasks

    async def cancel(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.work_failed(name=task.get_name(), error=error)


async def _typed(work: Coroutine[object, object, None]) -> None:
    await work
