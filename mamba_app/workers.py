"""Several processes that share one listening socket, and the one that starts, replaces and ends them.

Workers are forked from the assembled application, which has connected to nothing yet: a replacement is there at once, and
all of them share what start-up made, the secrets of this run included. The first process passes signals on through a pipe to
each, and a worker whose pipe ends, because the first process was killed, ends as after SIGTERM: it would hold the port.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, TypeAlias

import structlog

from mamba_app.ending import end_process

__all__ = ["Work", "run_workers"]

log = structlog.stdlib.get_logger("mamba.workers")

_PAUSE = 0.5
"""Seconds before a worker is replaced that had died as soon as it was there."""
_HOPELESS = frozenset({2, 3})
"""Statuses of a worker that could not start."""
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


Work: TypeAlias = Callable[[socket.socket, int], int]
"""Serves the listener until its own signal, or until the pipe says so; gives its exit status."""


def run_workers(
    count: int, listener: socket.socket, work: Work, *, when_over: Callable[[int], None] = lambda pid: None
) -> int:
    """Keep `count` processes at work until SIGTERM or SIGINT; the exit status.

    One that died is replaced. Where one of the first could not start, all end; a replacement that cannot start is tried
    again, while the others work. `when_over` is told the process id of each that ended.
    """
    signal.signal(signal.SIGCHLD, _noted)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    crew = _Crew(listener, work)
    first = {crew.add() for _ in range(count)}
    log.info("workers.started", count=count)
    status = 0
    ending = False
    while crew:
        received = signal.sigwait(_SIGNALS)
        if received != signal.SIGCHLD:
            ending = True
            # The port stays open for as long as anybody holds it; from here on only the workers do.
            listener.close()
            crew.tell(received)
            continue
        for worker, result in _ended():
            age = crew.remove(worker)
            when_over(worker)
            if ending:
                status = status or max(0, result)
            elif result in _HOPELESS and worker in first:
                log.error("worker.not_started", pid=worker, status=result)
                status, ending = result, True
                crew.tell(signal.SIGTERM)
            else:
                log.error("worker.died", pid=worker, status=result)
                time.sleep(_PAUSE if age < _PAUSE else 0)
                crew.add()
    return status


class _Crew:
    """The workers that are there, each with its start and the pipe that it listens to."""

    def __init__(self, listener: socket.socket, work: Work) -> None:
        self._listener = listener
        self._work = work
        self._workers: dict[int, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._workers)

    def add(self) -> int:
        """Start one more."""
        orders, voice = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            for _, inherited in (*self._workers.values(), (0.0, voice)):
                os.close(inherited)
            _be_worker(self._listener, orders, self._work)
        os.close(orders)
        self._workers[pid] = (time.monotonic(), voice)
        return pid

    def remove(self, worker: int) -> float:
        """Forget one that is over; the seconds that it lived."""
        started, voice = self._workers.pop(worker)
        os.close(voice)
        return time.monotonic() - started

    def tell(self, number: int) -> None:
        """Pass a signal on to all."""
        for _, voice in self._workers.values():
            with suppress(BrokenPipeError):
                os.write(voice, bytes([number]))


def _be_worker(listener: socket.socket, orders: int, work: Work) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        status = work(listener, orders)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        log.exception("worker.crashed")
    finally:
        end_process(status)


def _noted(number: int, frame: FrameType | None) -> None:
    """A signal without a handler may be dropped instead of waiting for `sigwait`."""


def _ended() -> list[tuple[int, int]]:
    """The workers that are over: process id and exit status, or the signal that killed it as a negative number."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        found.append((pid, os.waitstatus_to_exitcode(status)))
