"""Whether a server can be used: reached, with this password, for what the store writes."""

from __future__ import annotations

from typing import Literal, TypeAlias

from redis.exceptions import AuthenticationError, NoPermissionError

from mamba_adapters.redis.link import Command, Link, Unavailable

__all__ = ["Trouble", "trouble_of"]

Trouble: TypeAlias = tuple[Literal["password", "unreachable", "refused"], str]
"""What is wrong, and the class of the client's error."""

_SECONDS = 10


async def trouble_of(url: str, *, password: str | None, prefix: str) -> Trouble | None:
    """Write and delete a key and a stream; None when that went well."""
    link = Link(url, password=password)
    key, stream = f"{prefix}examination", f"{prefix}examination:stream"
    commands: tuple[Command, ...] = (
        ("SET", key, "1", "EX", _SECONDS),
        ("XADD", stream, "*", "a", "1"),
        ("DEL", key, stream),
    )
    try:
        replies = await link.send(commands)
    except Unavailable as error:
        return ("password" if _is_refusal(error) else "unreachable"), type(error.__cause__).__name__
    finally:
        await link.close()
    refused = next((type(reply).__name__ for reply in replies if isinstance(reply, Exception)), None)
    return None if refused is None else ("refused", refused)


def _is_refusal(error: BaseException) -> bool:
    """Whether a password was not good enough, somewhere down the chain: the client reports it as a lost connection."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, AuthenticationError | NoPermissionError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
