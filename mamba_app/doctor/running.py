"""Examines a running server as a page would meet it, through whatever lies in between."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mamba_app.doctor.findings import Report, clock, failed, is_local, passed, warned
from mamba_app.doctor.paced import Reading, judged, read

__all__ = ["TOKEN", "cross_origin", "examine_server"]

TOKEN = "MAMBA_DOCTOR_TOKEN"  # noqa: S105 - the name of a variable
"""The variable with the API key or token that the examination shows, so that it stands in no command line."""

_REQUEST_ID = "doctor-1"
_NEEDS = frozenset({"authorization", "content-type"})


async def examine_server(url: str, *, origin: str | None, token: str | None, report: Report) -> None:
    """Report what is found. `token` is shown as `Authorization: Bearer`; `origin` is that of a page."""
    if not _is_url(url):
        report(failed("reach", "this is no http or https URL", "Write it as http://localhost:8000"))
        return
    async with httpx2.AsyncClient(
        base_url=url.rstrip("/"),
        timeout=httpx2.Timeout(10.0, connect=5.0),
        follow_redirects=False,
        headers={"x-request-id": _REQUEST_ID, "accept-encoding": "identity"},
    ) as client:
        try:
            if not await _is_reached(client, report):
                return
            await _readiness(client, report)
            is_let_in = await _access(client, token, report)
            credentials = {"authorization": f"Bearer {token}"} if token else {}
            if is_let_in:
                await _health(client, credentials, report)
            if origin is not None:
                await cross_origin(client, origin, credentials, report)
            if is_let_in:
                await _stream(client, credentials, report)
            else:
                report(warned("stream", "not examined", f"It needs credentials: put a key or token into {TOKEN}"))
        except httpx2.HTTPError as error:
            report(
                failed("connection", f"lost in the middle ({type(error).__name__})", "Ask again; then look at the hops")
            )


async def _is_reached(client: httpx2.AsyncClient, report: Report) -> bool:
    started = time.monotonic()
    try:
        answer = await client.get("/health/live")
    except httpx2.TimeoutException:
        report(failed("reach", "no answer in time", "Look whether a firewall or a network policy drops the connection"))
        return False
    except httpx2.HTTPError as error:
        advice = "Look at host, port and TLS, and whether the server runs"
        report(failed("reach", f"there is no connection ({type(error).__name__})", advice))
        return False
    if answer.is_redirect:
        report(
            failed(
                "reach", f"redirected ({answer.status_code})", "Name the address where it ends: POST is not redirected"
            )
        )
        return False
    if answer.status_code != 200 or _json(answer).get("status") != "alive":
        fact = f"somebody else answers (status {answer.status_code})"
        report(failed("reach", fact, "Look at the path prefix and at the routes of the hops"))
        return False
    report(passed("reach", f"the server answers in {(time.monotonic() - started) * 1000:.0f} ms"))
    if answer.headers.get("x-request-id") != _REQUEST_ID:
        report(
            warned("request id", "not passed on", "A hop drops or replaces X-Request-ID: logs cannot be joined by it")
        )
    if (found := clock(answer.headers, of="the server")) is not None:
        report(found)
    return True


async def _readiness(client: httpx2.AsyncClient, report: Report) -> None:
    answer = await client.get("/health/ready")
    if answer.status_code == 200:
        report(passed("ready", "it takes traffic"))
    else:
        report(
            failed(
                "ready",
                f"it takes no traffic (status {answer.status_code})",
                "It starts or ends: ask again, or look at its log",
            )
        )


async def _access(client: httpx2.AsyncClient, token: str | None, report: Report) -> bool:
    """Whether it lets us in."""
    anonymous = await client.get("/models")
    if anonymous.status_code == 200:
        if is_local(client.base_url.host):
            report(passed("access", "no credentials are needed on this machine"))
        else:
            report(warned("access", "no credentials are needed: anybody can use the models", "Set auth.mode"))
        return True
    if anonymous.status_code != 401:
        advice = "Look at the server's log, and at the hops"
        report(failed("access", f"GET /models gives {anonymous.status_code}", advice))
        return False
    if _json(anonymous).get("code") != "AUTH_REQUIRED":
        report(failed("access", "a hop asks for credentials of its own", "Let it hand all requests to the server"))
        return False
    if token is None:
        report(passed("access", "credentials are needed"))
        return False
    status = (await client.get("/models", headers={"authorization": f"Bearer {token}"})).status_code
    if status == 200:
        report(passed("access", f"credentials are needed, and those of {TOKEN} are good"))
        return True
    advice = "A hop may also drop the Authorization header" if status == 401 else "Look at its scopes"
    report(failed("access", f"the credentials of {TOKEN} are refused ({status})", advice))
    return False


async def _health(client: httpx2.AsyncClient, credentials: dict[str, str], report: Report) -> None:
    answer = await client.get("/health", headers=credentials)
    body = _json(answer)
    try:
        status, checks = body["status"], body["checks"]
        ill = [name for name, check in checks.items() if check["status"] != "healthy"]
    except (KeyError, TypeError, AttributeError):
        report(failed("health", "GET /health gives no report", "Look at the routes of the hops"))
        return
    if status == "healthy":
        report(passed("health", f"healthy ({', '.join(checks) or 'it depends on nothing'})"))
    else:
        names = ", ".join(name for name in ill if name.isprintable()) or "the server itself"
        report(warned("health", f"not well: {names}", "Run mamba-server doctor where the server's settings are"))


async def cross_origin(client: httpx2.AsyncClient, origin: str, credentials: dict[str, str], report: Report) -> None:
    """Whether a browser lets a page of that origin ask, and read the answer."""
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": ",".join(sorted(_NEEDS)),
    }
    preflight = await client.options("/api/chat", headers=asked)
    allowed = preflight.headers.get_list("access-control-allow-origin")
    if preflight.status_code in (401, 403) and "x-request-id" not in preflight.headers:
        fact = f"the preflight gets {preflight.status_code}"
        report(failed("cors", fact, "A hop asks it for credentials: let OPTIONS pass"))
    elif not allowed:
        report(failed("cors", f"pages of {origin} may not ask", f'Add "{origin}" to cors.origins'))
    elif len(allowed) > 1 or "," in allowed[0]:
        report(
            failed(
                "cors",
                "allowed twice, which browsers refuse",
                "A hop adds headers of its own: leave CORS to the server",
            )
        )
    elif allowed[0] not in (origin, "*"):
        report(failed("cors", "another origin is allowed", f'Add "{origin}" to cors.origins'))
    elif not _words(preflight.headers.get("access-control-allow-headers", "")) >= _NEEDS:
        report(failed("cors", "the request's headers are not allowed", "A hop answers the preflight: let OPTIONS pass"))
    else:
        answer = await client.get("/models", headers={"origin": origin, **credentials})
        if "x-request-id" in _words(answer.headers.get("access-control-expose-headers", "")):
            report(passed("cors", f"pages of {origin} may ask"))
        else:
            report(warned("cors", "pages may not read X-Request-ID", "A hop drops Access-Control-Expose-Headers"))


async def _stream(client: httpx2.AsyncClient, credentials: dict[str, str], report: Report) -> None:
    """As a browser asks, which takes compressed answers."""
    reading = Reading()
    asked = {"accept": "text/event-stream", "accept-encoding": "gzip, deflate", **credentials}
    try:
        async with client.stream("GET", "/health/stream", headers=asked) as answer:
            if answer.status_code != 200:
                report(
                    failed("stream", f"refused ({answer.status_code})", "Ask again in a moment; then look at the hops")
                )
                return
            reading.encoding = answer.headers.get("content-encoding", "").replace("identity", "")
            await read(answer.aiter_bytes(), reading)
    except httpx2.HTTPError:
        """It was cut; the reading says where."""
    for finding in judged(reading):
        report(finding)


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return False


def _json(answer: httpx2.Response) -> dict[str, Any]:
    """The object that an answer holds; empty where it holds none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _words(text: str) -> set[str]:
    return {word.strip().lower() for word in text.split(",")}
