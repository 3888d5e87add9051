"""What an upstream's failures become, and that none of its words get through."""

from __future__ import annotations

import errno
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import openai
import pytest

from mamba_adapters.openai.errors import KeyRefused, error_in_stream, from_openai, retry_after
from mamba_domain.errors import Code, MambaError, ModelFailed, Rejected

SECRET = "sk-secret of org-secret"


def status_error(
    status: int, code: Any = None, *, kind: Any = None, headers: Any = None, message: str = ""
) -> Exception:
    request = httpx2.Request("POST", "http://127.0.0.1/v1/x")
    response = httpx2.Response(status, headers=headers or {}, request=request)
    body = {"message": f"{message} {SECRET}", "code": code, "type": kind}
    return openai.APIStatusError(f"{SECRET}", response=response, body=body)


@pytest.mark.parametrize(
    ("status", "code", "kind", "meant", "retryable"),
    [
        (400, None, Rejected, Code.INVALID_REQUEST, None),
        (400, "context_length_exceeded", Rejected, Code.CONTEXT_TOO_LONG, None),
        (400, "content_policy_violation", Rejected, Code.CONTENT_FILTERED, None),
        (400, "content_filter", Rejected, Code.CONTENT_FILTERED, None),
        (400, 400, Rejected, Code.INVALID_REQUEST, None),
        (422, None, Rejected, Code.INVALID_REQUEST, None),
        (404, "model_not_found", Rejected, Code.MODEL_NOT_FOUND, None),
        (413, None, Rejected, Code.PAYLOAD_TOO_LARGE, None),
        (401, "invalid_api_key", KeyRefused, Code.MODEL_ERROR, False),
        (403, None, KeyRefused, Code.MODEL_ERROR, False),
        (307, None, ModelFailed, Code.MODEL_ERROR, False),
        (408, None, ModelFailed, Code.MODEL_TIMEOUT, True),
        (504, None, ModelFailed, Code.MODEL_TIMEOUT, True),
        (409, None, ModelFailed, Code.MODEL_UNAVAILABLE, True),
        (429, None, ModelFailed, Code.RATE_LIMITED, True),
        (429, "insufficient_quota", ModelFailed, Code.MODEL_UNAVAILABLE, False),
        (500, None, ModelFailed, Code.MODEL_UNAVAILABLE, True),
        (529, None, ModelFailed, Code.MODEL_UNAVAILABLE, True),
    ],
)
def test_a_status_has_one_meaning(
    status: int, code: object, kind: type[MambaError], meant: Code, retryable: bool | None
) -> None:
    error = from_openai(status_error(status, code))
    assert type(error) is kind
    assert error.code is meant
    assert getattr(error, "retryable", None) is retryable
    assert "secret" not in f"{error} {error.detail} {error.public_message}"


def test_a_conversation_that_is_too_long_is_known_by_words_too() -> None:
    told = status_error(400, 400, kind="BadRequestError", message="This model's maximum context length is 4096 tokens.")
    assert from_openai(told).code is Code.CONTEXT_TOO_LONG


def test_an_upstream_can_forbid_another_attempt() -> None:
    error = from_openai(status_error(500, headers={"x-should-retry": "false"}))
    assert isinstance(error, ModelFailed)
    assert not error.retryable
    assert error.code is Code.MODEL_ERROR


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "300", "retry-after": "15"}, 0.3),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, 1e7),
        ({"retry-after": "99999999999"}, 1e7),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
    ],
)
def test_the_wait_that_an_upstream_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_the_wait_until_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    assert retry_after({"retry-after": date}) == pytest.approx(9.5, abs=1.0)


def chained(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/x")


def unconnected(*reasons: OSError) -> Exception:
    """As it comes from the packages in between, which keep the system's own words at the bottom."""
    cause = reasons[0] if len(reasons) == 1 else ExceptionGroup("several attempts", reasons)
    attempts = httpx2.ConnectError("All connection attempts failed")
    return chained(openai.APIConnectionError(request=REQUEST), chained(attempts, chained(OSError("failed"), cause)))


@pytest.mark.parametrize(
    ("reasons", "detail"),
    [
        ([ConnectionRefusedError(errno.ECONNREFUSED, SECRET)], "ConnectError ECONNREFUSED"),
        ([OSError(errno.EHOSTUNREACH, SECRET), OSError(errno.ECONNREFUSED, SECRET)], "ConnectError EHOSTUNREACH"),
        ([socket.gaierror(socket.EAI_NONAME, SECRET)], "ConnectError no address for the host name"),
    ],
)
def test_the_log_is_told_why_there_is_no_connection(reasons: list[OSError], detail: str) -> None:
    failed = from_openai(unconnected(*reasons))
    assert (failed.code, failed.detail) == (Code.MODEL_UNAVAILABLE, detail)


def test_a_process_without_descriptors_does_not_blame_the_provider() -> None:
    failed = from_openai(unconnected(OSError(errno.EMFILE, SECRET)))
    assert isinstance(failed, ModelFailed)
    assert (failed.code, failed.retryable) == (Code.OVERLOADED, False)
    assert failed.detail == "this process may open no more files (EMFILE)"


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (openai.APITimeoutError(request=REQUEST), Code.MODEL_TIMEOUT, True),
        (TimeoutError(), Code.MODEL_TIMEOUT, True),
        (chained(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("x")), Code.MODEL_UNAVAILABLE, True),
        (httpx2.ReadError("x"), Code.MODEL_UNAVAILABLE, True),
        (chained(openai.APIConnectionError(request=REQUEST), ssl.SSLError("x")), Code.MODEL_ERROR, False),
        (chained(openai.APIConnectionError(request=REQUEST), httpx2.DecodingError("x")), Code.MODEL_ERROR, False),
        (RuntimeError(SECRET), Code.MODEL_ERROR, False),
    ],
)
def test_trouble_on_the_way_is_the_models_failure(error: Exception, code: Code, retryable: bool) -> None:
    failed = from_openai(error)
    assert isinstance(failed, ModelFailed)
    assert (failed.code, failed.retryable) == (code, retryable)
    assert "secret" not in f"{failed} {failed.detail}"


def test_our_own_errors_stay_what_they_are() -> None:
    error = Rejected(Code.INVALID_REQUEST)
    assert from_openai(error) is error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"type": "server_error"}, Code.MODEL_UNAVAILABLE),
        ({"code": "overloaded", "type": "overloaded_error"}, Code.MODEL_UNAVAILABLE),
        ({"code": "rate_limit_exceeded"}, Code.RATE_LIMITED),
        ({"code": "insufficient_quota"}, Code.MODEL_UNAVAILABLE),
        ({"code": "strange", "message": SECRET}, Code.MODEL_ERROR),
        ("a text", Code.MODEL_UNAVAILABLE),
        (None, Code.MODEL_UNAVAILABLE),
    ],
)
def test_an_error_inside_a_stream(error: object, code: Code) -> None:
    failed = error_in_stream(error)
    assert failed.code is code
    assert "secret" not in f"{failed} {failed.detail}"
