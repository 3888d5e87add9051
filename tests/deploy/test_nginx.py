"""The proxy's configuration lets a stream through as it comes; with a real nginx where there is one."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.app.harness import chat_body, chunks_of, running_app, settings, text_of
from tests.deploy.manifests import DEPLOY, deployed, found

CONFIGURATION = (DEPLOY / "nginx" / "mamba.conf").read_text("utf-8")
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
UNITS = {"": 1, "k": 1024, "m": 1024**2}


def directive(name: str) -> str:
    """The one value of a directive."""
    (value,) = re.findall(rf"^\s*{name}\s+(.*);$", CONFIGURATION, flags=re.MULTILINE)
    return str(value)


def size(text: str) -> int:
    number, unit = text.rstrip("km"), text[-1] if text[-1] in "km" else ""
    return int(number) * UNITS[unit]


def on_ingress() -> dict[str, str]:
    """Those of the production overlay's ingress, by the names that nginx gives them."""
    given = found(deployed("overlays/production"), "Ingress")["metadata"]["annotations"]
    return {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in given.items()}


def test_a_proxy_neither_holds_nor_packs_what_it_passes_on() -> None:
    assert directive("proxy_buffering") == directive("proxy_cache") == directive("gzip") == "off"
    assert directive("proxy_http_version") == on_ingress()["proxy-http-version"] == "1.1"
    assert directive("proxy_set_header Connection") == '""'
    assert on_ingress()["proxy-buffering"] == "off"


def test_a_proxy_does_not_send_a_turn_twice() -> None:
    assert directive("proxy_next_upstream") == on_ingress()["proxy-next-upstream"] == "off"


def test_a_proxy_takes_what_the_server_takes() -> None:
    largest = settings().server.max_body_bytes
    assert size(directive("client_max_body_size")) == size(on_ingress()["proxy-body-size"]) == largest


def test_a_proxy_waits_for_longer_than_the_server_is_silent() -> None:
    judged = settings()
    silence = max(judged.streams.keep_alive_seconds, judged.chat.commit_after)
    for patience in (directive("proxy_read_timeout").rstrip("s"), on_ingress()["proxy-read-timeout"]):
        assert float(patience) > 2 * silence


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def nginx(folder: Path, *, upstream: int, port: int) -> Iterator[None]:
    """The shipped configuration on ports of this test."""
    assert NGINX is not None
    site = CONFIGURATION.replace("listen 8080", f"listen 127.0.0.1:{port}").replace(":8000;", f":{upstream};")
    temporary = "".join(
        f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}}}\n",
        "utf-8",
    )
    command = [NGINX, "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(main)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False, timeout=20)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(command) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx did not start")


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
async def test_a_stream_comes_through_nginx_event_by_event(tmp_path: Path) -> None:
    port = free_port()
    async with running_app() as app:
        with nginx(tmp_path, upstream=app.port, port=port):
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
                answer = await client.post("/api/chat", json=chat_body("Hello"), headers={"accept-encoding": "gzip"})
                assert answer.status_code == 200
                assert "content-encoding" not in answer.headers
                assert text_of(chunks_of(answer.content))
                async with client.stream("GET", "/health/stream") as stream:
                    reads = [chunk async for chunk in stream.aiter_raw() if chunk]
    # Ten events and an end mark, a pause before each but the first: held back, they would come in fewer pieces.
    assert len(reads) >= 10
