"""`make bench`: what the assembled server costs, against a fake upstream on this machine.

CPU is the server process's own, from its CPU clock; the upstream and the load run in other processes, on another core where
there is one. Compare ratios on one machine in one run: nothing here asserts.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.benchmarks.load import Heard, run

__all__ = ["main"]

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True, slots=True)
class Server:
    """The server under test."""

    pid: int
    port: int
    ready_after: float

    def cpu(self) -> float:
        """CPU seconds so far, all threads."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss(self) -> float:
        """Resident memory in MiB."""
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def upstream() -> Iterator[int]:
    """The fake upstream's port."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        _pin(process.pid, 0)
        yield int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def server(upstream_port: int) -> Iterator[Server]:
    """The server as an operator starts it, with nothing switched off but the log below warnings."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    environment |= {
        "MAMBA_SERVER__HOST": "127.0.0.1",
        "MAMBA_SERVER__PORT": str(port),
        "MAMBA_SERVER__DRAIN_DELAY": "0",
        "MAMBA_CHAT__OPEN_MODELS": "true",
        "MAMBA_LOGGING__LEVEL": "WARNING",
        "OPENAI_API_KEY": "benchmark",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
    }
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "mamba_app", "serve"], env=environment, stdout=subprocess.DEVNULL)
    try:
        _pin(process.pid, -1)
        while not _lives(process, port):
            time.sleep(0.005)
        yield Server(process.pid, port, time.monotonic() - started)
    finally:
        process.terminate()
        process.wait(40)


def main() -> None:
    """Measure and print."""
    _pin(os.getpid(), 0)
    with upstream() as port, server(port) as served:
        print(f"start-up: {served.ready_after:.2f} s to the first answer, {served.rss():.0f} MiB\n")
        for concurrency, requests in ((1, 60), (16, 320), (64, 640)):
            heard, cpu = _measured(served, model="bench-n500", count=500, requests=requests, concurrency=concurrency)
            print(
                f"unpaced, {concurrency:3} streams: {cpu / heard.deltas * 1e6:6.1f} us CPU a delta, "
                f"{heard.frames / heard.deltas:.2f} frames a delta"
            )
        for streams in (50, 200):
            heard, cpu = _measured(
                served, model="bench-n200-p20-t", count=200, requests=streams, concurrency=streams, ramp=1.0
            )
            print(
                f"paced, {streams:3} streams at 50 deltas a second: {cpu / heard.deltas * 1e6:5.1f} us CPU a delta, "
                f"transit p50 {_ms(heard.transit, 50)}, p99 {_ms(heard.transit, 99)}"
            )
        heard, cpu = _measured(served, model="bench-n1", count=1, requests=3000, concurrency=16)
        print(f"requests of one delta: {cpu / heard.requests * 1e3:.2f} ms CPU each")
        heard, cpu = _measured(served, model="bench-n3-w20-t", count=3, requests=100, concurrency=1)
        first = statistics.median(heard.first) * 1e3 - 20
        print(f"first delta: {first:.2f} ms after the request, less the upstream's 20 ms; p50")
        print(f"memory at the end: {served.rss():.0f} MiB")


def _measured(
    served: Server, *, model: str, count: int, requests: int, concurrency: int, ramp: float = 0.0
) -> tuple[Heard, float]:
    warm = min(requests, concurrency, 16)
    asyncio.run(run(served.port, model="bench-n5", count=5, requests=warm, concurrency=warm))
    before = served.cpu()
    heard = asyncio.run(
        run(served.port, model=model, count=count, requests=requests, concurrency=concurrency, ramp=ramp)
    )
    return heard, served.cpu() - before


def _ms(samples: list[float], percent: int) -> str:
    return f"{statistics.quantiles(samples, n=100)[percent - 1] * 1e3:.1f} ms"


def _lives(process: subprocess.Popen[bytes], port: int) -> bool:
    if process.poll() is not None:
        raise SystemExit("the server did not start")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _pin(pid: int, core: int) -> None:
    """Keep a process on one core, so that the others do not disturb it."""
    if len(_CORES) > 1:
        os.sched_setaffinity(pid, {_CORES[core]})


if __name__ == "__main__":
    main()
