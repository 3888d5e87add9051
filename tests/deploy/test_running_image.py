"""The image itself, run as Kubernetes would run it: IMAGE_UNDER_TEST=mamba-server make test ARGS=tests/deploy

For a machine with buildah, runc and root, after `make image`. It shares this machine's network, to be reached on loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.app.harness import chat_body

IMAGE = os.environ.get("IMAGE_UNDER_TEST", "")

pytestmark = pytest.mark.skipif(
    not (IMAGE and shutil.which("buildah") and shutil.which("runc") and os.geteuid() == 0),
    reason="IMAGE_UNDER_TEST names no image, or there is no buildah, runc or root to run it",
)


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=50).stdout.strip()


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """The image's file system."""
    container = said("buildah", "from", "--pull-never", IMAGE)
    try:
        yield Path(said("buildah", "mount", container))
    finally:
        said("buildah", "rm", container)


def bundle(folder: Path, root: Path, port: int) -> None:
    """What runc is to run: the image's own command, its user, no capability, and a root that cannot be written."""
    image: Any = json.loads(said("buildah", "inspect", "--type", "image", IMAGE))["Docker"]["config"]
    uid, gid = map(int, image["User"].split(":"))
    settings = [f"MAMBA_SERVER__PORT={port}", "MAMBA_SERVER__HOST=127.0.0.1", "MAMBA_SERVER__DRAIN_DELAY=0"]
    process = {
        "user": {"uid": uid, "gid": gid},
        "args": [*image["Entrypoint"], *image["Cmd"], "--demo"],
        "env": [*image["Env"], *settings],
        "cwd": image["WorkingDir"],
        "capabilities": {},
        "noNewPrivileges": True,
    }
    configuration = {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": str(root), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "noexec", "nosuid"]},
        ],
        "linux": {"namespaces": [{"type": name} for name in ("pid", "mount", "ipc", "uts")]},
    }
    (folder / "config.json").write_text(json.dumps(configuration), "utf-8")


@contextmanager
def running(folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["runc", "run", "--bundle", str(folder), name]) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                subprocess.run(["runc", "kill", name, "KILL"], check=False, timeout=10)
                process.wait(10)


def wait_until_ready(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise RuntimeError("the image did not start")


def test_no_file_of_the_image_grants_rights(root: Path) -> None:
    assert said("find", str(root), "-xdev", "-type", "f", "-perm", "/6000") == ""


def test_the_image_serves_as_nobody_on_a_read_only_root_and_finishes_what_runs(root: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bundle(tmp_path, root, port)
    name = f"mamba-{port}"
    with (
        running(tmp_path, name) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client,
    ):
        wait_until_ready(client, process)
        assert said("runc", "exec", name, "id", "-u") == "1000"
        writes = subprocess.run(["runc", "exec", name, "touch", "/srv/mamba/x"], capture_output=True, check=False)
        assert b"Read-only file system" in writes.stderr
        assert subprocess.run(["runc", "exec", name, "python", "-m", "mamba_app.probe"], check=False).returncode == 0
        with client.stream("POST", "/api/chat", json=chat_body("Hello")) as answer:
            lines = answer.iter_lines()
            assert any('"text-delta"' in line for line in lines)
            said("runc", "kill", name, signal.SIGTERM.name.removeprefix("SIG"))
            assert "data: [DONE]" in list(lines)
        assert process.wait(20) == 0
