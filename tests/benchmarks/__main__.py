"""`make bench`: what the assembled server costs, against a fake upstream on this machine.

CPU is the server process's own, from its CPU clock; the upstream and the load run in other processes, on another core where
there is one. Compare ratios on one machine in one run: nothing here asserts.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.benchmarks.load import Heard, run

__all__ = ["main"]

_HELD = 500
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
        "MAMBA_SERVER__GRACE": "1",
        "MAMBA_CHAT__OPEN_MODELS": "true",
        "MAMBA_LOGGING__LEVEL": "WARNING",
        "OPENAI_API_KEY": "benchmark",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream_port}/v1",
    }
    with _started([sys.executable, "-m", "mamba_app", "serve"], port, environment) as served:
        yield served


@contextmanager
def relay(upstream_port: int) -> Iterator[Server]:
    """The bare relay to compare with."""
    port = _free_port()
    command = [sys.executable, "-m", "tests.benchmarks.relay", str(port), str(upstream_port)]
    with _started(command, port, dict(os.environ)) as served:
        yield served


@contextmanager
def _started(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Server]:
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _pin(process.pid, -1)
        while not _lives(process, port):
            time.sleep(0.005)
        yield Server(process.pid, port, time.monotonic() - started)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Measure and print: a line a figure, the server's and the bare relay's."""
    _pin(os.getpid(), 0)
    figures: list[dict[str, str]] = []
    for serve in (server, relay):
        with upstream() as port, serve(port) as served:
            figures.append(dict(_figures(served)))
    ours, bare = figures
    width = max(map(len, ours))
    print(f"{'':{width}}  {'mamba-server':>14}  {'bare relay':>14}")
    for name, figure in ours.items():
        print(f"{name:{width}}  {figure:>14}  {bare[name]:>14}")


def _figures(served: Server) -> Iterator[tuple[str, str]]:
    yield "start-up to the first answer, s", f"{served.ready_after:.2f}"
    yield "memory then, MiB", f"{served.rss():.0f}"
    _measured(served, model="bench-n5", count=5, requests=64, concurrency=8)
    before = served.rss()
    with _held_open(served, streams=_HELD):
        yield f"memory a stream, {_HELD} open, KiB", f"{(served.rss() - before) / _HELD * 1024:.0f}"
    for concurrency, requests in ((1, 60), (16, 320), (64, 640)):
        heard, cpu = _measured(served, model="bench-n500", count=500, requests=requests, concurrency=concurrency)
        yield f"CPU a delta, unpaced, {concurrency} streams, us", f"{cpu / heard.deltas * 1e6:.1f}"
    for streams in (50, 200):
        paced = f"{streams} streams of 50 deltas a second"
        heard, cpu = _measured(
            served, model="bench-n200-p20-t", count=200, requests=streams, concurrency=streams, ramp=1.0
        )
        yield f"CPU a delta, {paced}, us", f"{cpu / heard.deltas * 1e6:.1f}"
        yield f"frames a delta, {paced}", f"{heard.frames / heard.deltas:.2f}"
        yield f"transit of a delta, {paced}, p50, ms", _ms(heard.transit, 50)
        yield f"transit of a delta, {paced}, p99, ms", _ms(heard.transit, 99)
    began = time.monotonic()
    heard, cpu = _measured(served, model="bench-n1", count=1, requests=3000, concurrency=16)
    yield "CPU a request of one delta, ms", f"{cpu / heard.requests * 1e3:.2f}"
    yield "requests of one delta a second", f"{heard.requests / (time.monotonic() - began):.0f}"
    heard, _ = _measured(served, model="bench-n3-w20-t", count=3, requests=100, concurrency=1)
    yield "first delta after the request, less the upstream's wait, p50, ms", _ms([s - 0.02 for s in heard.first], 50)


@contextmanager
def _held_open(served: Server, *, streams: int) -> Iterator[None]:
    """Streams that have begun and say no more for a while."""
    model = "bench-n2-p60000"
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": f"Say {model}"}]}).encode()
    head = f"POST /chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=20))
            for _ in range(streams)
        ]
        for connection in connections:
            connection.sendall(head.encode() + body)
        for connection in connections:
            heard = b""
            while b"text-delta" not in heard:
                heard += connection.recv(65536)
        yield


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
    return f"{statistics.quantiles(samples, n=100)[percent - 1] * 1e3:.2f}"


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
