"""Makes the one `AsyncOpenAI` client that all models of a connection share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx2
import orjson
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI
from openai._models import FinalRequestOptions
from yarl import URL

from mamba_adapters.openai.transport import AiohttpTransport, Body, failure
from mamba_domain.errors import Code, ModelFailed
from mamba_domain.messages import JsonObject

__all__ = ["Client", "new_client"]

_SUCCESS = range(200, 300)
_HEADERS = {"accept": "application/json", "content-type": "application/json"}


def new_client(
    *, api_key: str | None, base_url: str, api_version: str | None = None, connect_timeout: float = 5.0
) -> Client:
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
    return Client(
        AiohttpTransport(headers=headers, connect_timeout=connect_timeout),
        api_key="the transport has it",
        base_url=base_url,
        default_query={"api-version": api_version} if api_version is not None else None,
        max_retries=0,
        timeout=None,
    )


class Client(AsyncOpenAI):
    """The package's client, with a shorter way for the one request that every turn makes.

    The package builds options, address and headers of a request anew, and encodes its body in Python; that takes longer
    than all else that a turn needs.
    """

    def __init__(self, transport: AiohttpTransport, **options: Any) -> None:
        http_client = httpx2.AsyncClient(transport=transport, timeout=None, follow_redirects=False, trust_env=False)
        super().__init__(http_client=http_client, **options)
        self._transport = transport
        self._addresses: dict[str, URL] = {}

    async def open_stream(self, path: str, body: JsonObject, headers: Mapping[str, str]) -> Body:
        """POST; the body of the event stream, unread. Raises the package's own errors, for a status of failure too, and
        `ModelFailed` for a page or a JSON document with a status of success.
        """
        address = self._addresses.get(path)
        if address is None:
            address = self._addresses[path] = URL(str(self._request(path).url))
        try:
            response = await self._transport.send("POST", address, {**_HEADERS, **headers}, _encoded(body))
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=self._request(path)) from error
        except httpx2.HTTPError as error:
            raise APIConnectionError(request=self._request(path)) from error
        if response.status not in _SUCCESS:
            raise self._make_status_error_from_response(await failure(response, self._request(path)))
        if response.status != HTTPStatus.OK or response.content_type != "text/event-stream":
            response.close()
            raise ModelFailed(Code.MODEL_ERROR, detail=f"status {response.status} without an event stream")
        return Body(response)

    def _request(self, path: str) -> httpx2.Request:
        return self._build_request(FinalRequestOptions.construct(method="post", url=path))


def _encoded(body: JsonObject) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # lone surrogates, and integers beyond 64 bits
        return json.dumps(body).encode()
