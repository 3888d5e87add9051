"""Makes the one `AsyncOpenAI` client that all models of a connection share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import orjson
from openai import AsyncOpenAI
from openai._models import FinalRequestOptions

from mamba_adapters.openai.transport import AiohttpTransport

__all__ = ["new_client"]

_HEADERS = {"accept": "application/json", "content-type": "application/json"}


def new_client(
    *, api_key: str | None, base_url: str, api_version: str | None = None, connect_timeout: float = 5.0
) -> AsyncOpenAI:
    """A client that does nothing of its own accord.

    It neither retries (one layer does that, `retry`) nor follows redirects (a redirect would carry the prompt elsewhere),
    and it sends no headers that happen to be in the environment. Without a key it sends none: local servers need none. With
    an `api_version` it speaks to Azure OpenAI: the version goes into the query, the key into the header `api-key`.
    """
    headers = {"user-agent": "mamba-server", "accept-encoding": "identity"}
    if api_key is not None and api_version is not None:
        headers["api-key"] = api_key
    elif api_key is not None:
        headers["authorization"] = f"Bearer {api_key}"
    return _Client(
        api_key="the transport has it",
        base_url=base_url,
        default_query={"api-version": api_version} if api_version is not None else None,
        max_retries=0,
        timeout=None,
        http_client=_StraightClient(AiohttpTransport(headers=headers, connect_timeout=connect_timeout)),
    )


class _Client(AsyncOpenAI):
    """Builds a JSON request from what changes. The package builds address and headers anew for each one, and encodes the
    body in Python, which takes longer than all else that a turn needs.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._addresses: dict[str, httpx2.URL] = {}

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        if options.method != "post" or not isinstance(options.json_data, dict):
            return super()._build_request(options, retries_taken=retries_taken)
        try:
            content = orjson.dumps(options.json_data)
        except TypeError:  # lone surrogates, or integers beyond 64 bits
            return super()._build_request(options, retries_taken=retries_taken)
        address = self._addresses.get(options.url)
        if address is None:
            address = super()._build_request(options, retries_taken=retries_taken).url
            self._addresses[options.url] = address
        given = options.headers if isinstance(options.headers, Mapping) else {}
        headers = {**_HEADERS, **{name: value for name, value in given.items() if isinstance(value, str)}}
        return httpx2.Request("POST", address, headers=headers, content=content)


class _StraightClient(httpx2.AsyncClient):
    """Hands a request to its transport. Authentication, redirects, cookies and hooks of httpx2 are not used here."""

    def __init__(self, transport: AiohttpTransport) -> None:
        super().__init__(transport=transport, timeout=None, follow_redirects=False, trust_env=False)
        self._straight = transport

    async def send(self, request: httpx2.Request, *, stream: bool = False, **_: Any) -> httpx2.Response:
        """See the base class."""
        response = await self._straight.handle_async_request(request)
        if not stream:
            await response.aread()
        return response
