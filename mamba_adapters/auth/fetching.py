"""Gets small documents from an issuer with httpx2: one total deadline, a byte cap, no redirects, no error that says more."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx2

from mamba_adapters.auth.issuer import Unreachable

__all__ = ["DocumentClient"]

_MOST_BYTES = 256 * 1024


class DocumentClient:
    """A client for one issuer. `timeout` is in seconds, for a whole document."""

    def __init__(self, *, timeout: float = 3.0) -> None:
        self._timeout = timeout
        self._client: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = httpx2.AsyncClient(follow_redirects=False, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def __call__(self, url: str) -> bytes:
        """The document. Raises `Unreachable`."""
        if self._client is None:
            raise Unreachable("the client is closed")
        try:
            async with asyncio.timeout(self._timeout), self._client.stream("GET", url) as response:
                if response.status_code != 200:
                    raise Unreachable(f"status {response.status_code}")
                return await _bounded(response)
        except TimeoutError:
            raise Unreachable("no answer in time") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unreachable(type(error).__name__) from None


async def _bounded(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Unreachable("the document is too large")
    return bytes(body)
