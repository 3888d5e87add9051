"""How the process starts: a door that stands open is not overlooked, and one that would not close is not opened."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "4f9a1c7e2b8d6035"


async def started(directory: Path, **variables: str) -> tuple[str, str]:
    """Standard output and standard error of a server that was ended once it listened."""
    process = await _process(directory, **variables)
    assert process.stdout is not None
    assert process.stderr is not None
    reading = asyncio.create_task(process.stderr.read())
    out = ""
    async with asyncio.timeout(20):
        while "Uvicorn running" not in out:
            line = await process.stdout.readline()
            assert line, (await reading).decode()
            out += line.decode()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    return out, (await reading).decode()


async def _process(directory: Path, **variables: str) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAMBA_", "OPENAI_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "mamba_app", "serve", "--demo"),
        cwd=directory,
        env={**inherited, "MAMBA_SERVER__PORT": "0", **{f"MAMBA_{name}": value for name, value in variables.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


ELSEWHERE = "127.1"
"""An address that is not written as a loopback address, and is one."""


async def test_a_server_that_lets_everybody_in_says_so_where_it_cannot_be_missed(tmp_path: Path) -> None:
    out, error = await started(tmp_path, SERVER__HOST=ELSEWHERE)
    assert "ANYBODY" in error
    assert "MAMBA_AUTH__MODE=api_key" in error
    assert '"event":"auth.none"' in out


@pytest.mark.parametrize(
    "variables",
    [
        {"SERVER__HOST": "127.0.0.1"},
        {"SERVER__HOST": ELSEWHERE, "AUTH__MODE": "api_key", "AUTH__API_KEY": KEY},
    ],
    ids=["only for this machine", "closed"],
)
async def test_a_server_that_is_closed_or_out_of_reach_does_not_shout(
    variables: dict[str, str], tmp_path: Path
) -> None:
    out, error = await started(tmp_path, **variables)
    assert "ANYBODY" not in error + out
    assert KEY not in error + out


@pytest.mark.parametrize(
    ("variables", "setting"),
    [
        ({"AUTH__MODE": "api_key"}, "auth.api_key"),
        ({"AUTH__MODE": "api_key", "AUTH__API_KEY": "changeme"}, "auth.api_key"),
        ({"AUTH__MODE": "jwt", "AUTH__JWT_SECRET": KEY * 2}, "auth.issuer"),
        (
            {"AUTH__MODE": "jwt", "AUTH__JWT_KEY_FILE": "no.pem", "AUTH__ISSUER": "x", "AUTH__AUDIENCE": "y"},
            "auth.jwt_key_file",
        ),
    ],
)
async def test_a_server_whose_door_would_not_close_does_not_start(
    variables: dict[str, str], setting: str, tmp_path: Path
) -> None:
    process = await _process(tmp_path, **variables)
    out, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert setting in error.decode()
    for value in ("changeme", KEY):
        assert value not in (out + error).decode()


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="needs a pipe that is soon full")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["pydantic", "starlette"])
def test_a_signal_while_it_is_still_importing_ends_it_quietly(
    module: str, number: signal.Signals, tmp_path: Path
) -> None:
    """Python tells each import on standard error: a full pipe that nobody reads holds it there."""
    telling, told = os.pipe()
    fcntl.fcntl(told, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, *("-X", "importtime", "-m", "mamba_app", "serve", "--demo")]
    with (
        os.fdopen(telling, "rb", buffering=0) as imports,
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=told) as process,
    ):
        os.close(told)
        seen = b""
        while b" " + module.encode() not in seen:
            more = imports.read(512)
            assert more, seen
            seen += more
        process.send_signal(number)
        seen += imports.readall()
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert out == b""
        assert b"Traceback" not in seen
