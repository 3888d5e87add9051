"""Several processes that share one listening socket, and the one that starts, replaces and ends them.

Workers are forked from the assembled application, which has connected to nothing yet: a replacement is there at once, and
all of them share what start-up made, the secrets of this run included. They end by the signals that the first process
passes on.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

import structlog

__all__ = ["run_workers"]

log = structlog.stdlib.get_logger("mamba.workers")

_PAUSE = 0.5
"""Seconds before a worker is replaced that had died as soon as it was there."""
_HOPELESS = frozenset({2, 3})
"""Statuses of a worker that could not start, and whose replacement could not either."""
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def run_workers(
    count: int,
    listener: socket.socket,
    work: Callable[[socket.socket], int],
    *,
    when_over: Callable[[int], None] = lambda pid: None,
) -> int:
    """Keep `count` processes at work until SIGTERM or SIGINT; the exit status.

    `work` serves the listener until its own signal, and gives its exit status. A worker that could not start ends all;
    one that died is replaced. `when_over` is told the process id of each that ended.
    """
    signal.signal(signal.SIGCHLD, _noted)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    started = {_fork(listener, work): time.monotonic() for _ in range(count)}
    log.info("workers.started", count=count)
    status = 0
    ending = False
    while started:
        received = signal.sigwait(_SIGNALS)
        if received != signal.SIGCHLD:
            ending = True
            # The port stays open for as long as anybody holds it; from here on only the workers do.
            listener.close()
            _signal_all(started, received)
            continue
        for worker, result in _ended():
            age = time.monotonic() - started.pop(worker)
            when_over(worker)
            if ending:
                status = status or max(0, result)
            elif result in _HOPELESS:
                log.error("worker.not_started", pid=worker, status=result)
                status, ending = result, True
                _signal_all(started, signal.SIGTERM)
            else:
                log.error("worker.died", pid=worker, status=result)
                time.sleep(_PAUSE if age < _PAUSE else 0)
                started[_fork(listener, work)] = time.monotonic()
    return status


def _fork(listener: socket.socket, work: Callable[[socket.socket], int]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        status = work(listener)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        log.exception("worker.crashed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _noted(number: int, frame: FrameType | None) -> None:
    """A signal without a handler may be dropped instead of waiting for `sigwait`."""


def _signal_all(workers: dict[int, float], number: int) -> None:
    for worker in workers:
        os.kill(worker, number)


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
