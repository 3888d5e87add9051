"""Everything that can go wrong, split by who must act.

    MambaError
    ├── Rejected            the caller sent what cannot be served      (HTTP 4xx, 503 when overloaded)
    ├── ModelFailed         the model provider failed                  (HTTP 429, 502, 503, 504)
    ├── ToolFailed          a tool failed: the model is told, the turn goes on
    └── Misconfigured       the operator must mend a setting           (only at start-up)

Each error carries a `code` of the closed list below and a `public_message` that is safe to show to anybody. Causes,
upstream texts, paths and keys travel as `__cause__` or `detail` and go to the log only.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Code", "MambaError", "Misconfigured", "ModelFailed", "Rejected", "ToolFailed"]


class Code(StrEnum):
    """The stable, documented names of failures."""

    AUTH_REQUIRED = "AUTH_REQUIRED"
    AUTH_INVALID = "AUTH_INVALID"
    AUTH_EXPIRED = "AUTH_EXPIRED"
    FORBIDDEN = "FORBIDDEN"
    INVALID_REQUEST = "INVALID_REQUEST"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    MODEL_NOT_FOUND = "MODEL_NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    OVERLOADED = "OVERLOADED"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    CONTENT_FILTERED = "CONTENT_FILTERED"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    MODEL_TIMEOUT = "MODEL_TIMEOUT"
    MODEL_ERROR = "MODEL_ERROR"
    STOPPED = "STOPPED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"


PUBLIC_MESSAGES: dict[Code, str] = {
    Code.AUTH_REQUIRED: "Authentication is required.",
    Code.AUTH_INVALID: "The credentials are not valid.",
    Code.AUTH_EXPIRED: "The credentials have expired.",
    Code.FORBIDDEN: "You are not allowed to do this.",
    Code.INVALID_REQUEST: "The request is not valid.",
    Code.PAYLOAD_TOO_LARGE: "The request is too large.",
    Code.UNSUPPORTED_MEDIA_TYPE: "The content type must be application/json.",
    Code.MODEL_NOT_FOUND: "The model does not exist or is not available to you.",
    Code.RATE_LIMITED: "Too many requests. Please wait a moment and try again.",
    Code.OVERLOADED: "The server is busy. Please try again in a moment.",
    Code.CONTEXT_TOO_LONG: "The conversation is too long for this model.",
    Code.CONTENT_FILTERED: "The request was declined by the model provider's content policy.",
    Code.MODEL_UNAVAILABLE: "The model is not available right now. Please try again in a moment.",
    Code.MODEL_TIMEOUT: "The model took too long to answer. Please try again.",
    Code.MODEL_ERROR: "The model could not answer. Please try again.",
    Code.STOPPED: "The answer was stopped.",
    Code.SHUTTING_DOWN: "The server is restarting. Please try again.",
    Code.INTERNAL: "Something went wrong on the server. Please try again.",
}


class MambaError(Exception):
    """The root: a code, a message for anybody, and details for the log."""

    def __init__(self, code: Code, public_message: str | None = None, *, detail: str = "") -> None:
        self.code = code
        self.public_message = public_message or PUBLIC_MESSAGES[code]
        self.detail = detail
        super().__init__(f"{code}: {detail or self.public_message}")


class Rejected(MambaError):
    """The caller's request cannot be served. `retry_after` is in seconds, where waiting helps."""

    def __init__(
        self,
        code: Code,
        public_message: str | None = None,
        *,
        detail: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, public_message, detail=detail)
        self.retry_after = retry_after


class ModelFailed(MambaError):
    """The provider failed. `retryable`: the same request may succeed later, as long as nothing was relayed."""

    def __init__(
        self,
        code: Code,
        public_message: str | None = None,
        *,
        detail: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, public_message, detail=detail)
        self.retryable = retryable
        self.retry_after = retry_after


class ToolFailed(MambaError):
    """A tool could not do its work. The public message is what the model and the client read."""

    def __init__(self, public_message: str, *, detail: str = "") -> None:
        super().__init__(Code.INTERNAL, public_message, detail=detail)


class Misconfigured(MambaError):
    """A setting is wrong in a way that only shows while the application is put together."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(Code.INTERNAL, detail=f"{key}: {reason}")
        self.key = key
        self.reason = reason
