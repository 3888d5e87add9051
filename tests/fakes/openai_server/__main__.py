"""`python -m tests.fakes.openai_server`: prints where it listens as one line of JSON, then serves.

It stops at SIGTERM or SIGINT, or when its standard input ends, which it does when its parent is gone.
"""

import argparse
import asyncio
import json
import signal
import sys

from .server import FakeOpenAI


async def main(port: int, *, until_stdin_ends: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    upstream = FakeOpenAI()
    await upstream.start(port)
    try:
        print(json.dumps({"base_url": upstream.base_url, "trap_url": upstream.trap_url}), flush=True)
        if until_stdin_ends:
            stdin = asyncio.StreamReader()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
            reading = asyncio.create_task(stdin.read())
            reading.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
    finally:
        await upstream.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="openai_server", description="A fake OpenAI on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ignore-stdin", action="store_true", help="serve until a signal, whatever stdin does")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.port, until_stdin_ends=not chosen.ignore_stdin))
