"""The HTTP transport under the `openai` client: aiohttp's client session behind httpx2's transport interface.

aiohttp parses in C and hands over all that one network read brought, which costs a tenth of what the pure Python parser
does for each streamed event. Differences to the transport that `openai[aiohttp]` carries: no cookies are kept, no proxy or
netrc is read from the environment, no header goes out that was not given here, lost connections are not reported as
time-outs, what arrived before a connection broke can still be read, and the body of an answer that is no success is cut off
at a size and a time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import aiohttp
import httpx2
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from mamba_adapters.openai.inflate import Inflater, UnknownEncoding

if TYPE_CHECKING:
    from aiohttp import AddrInfoType
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.tracing import Trace
    from yarl import URL

__all__ = ["BODY", "AiohttpTransport", "Body", "failure"]

BODY = "mamba.body"
"""The response extension with the body itself, for whoever reads it without the layers of httpx2 around it."""

_ERROR_BODY_BYTES = 64 * 1024
_ERROR_BODY_SECONDS = 1.0
_READ_AHEAD_BYTES = 16 * 1024
"""What is taken of an answer before somebody wants it, roughly; the rest waits at the provider."""
_RECEIVE_BUFFER_BYTES = 64 * 1024
"""What the kernel takes beyond that, and what one read can bring. Left alone it takes megabytes of a flood."""
_SUCCESS = range(200, 300)
_HEAD_START = b"HTTP/"
_HEAD_END = b"\r\n\r\n"
_FROM_THE_REQUEST = ("accept", "content-type", "traceparent", "tracestate")
"""What the package may say about a request; a variable of the environment can make it say more."""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """One connection pool. `connect_timeout` is in seconds and covers DNS, TCP and TLS; `headers` go with each request.

    Waiting for an answer has no time-out here: whoever waits sets one. The session is made at the first request, inside
    the running loop.
    """

    def __init__(self, *, headers: Mapping[str, str], connect_timeout: float = 5.0, max_connections: int = 0) -> None:
        self._headers = dict(headers)
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=connect_timeout, sock_read=None, ceil_threshold=60
        )
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send; the answer's body is read by whoever holds the response."""
        content = await request.aread() or None
        response = await self.send(request.method, str(request.url), request.headers, content)
        if response.status not in _SUCCESS:
            return await failure(response, request)
        body = Body(response)
        extensions = {"http_version": b"HTTP/1.1", BODY: body}
        return httpx2.Response(
            response.status, headers=_headers(response), stream=body, request=request, extensions=extensions
        )

    async def send(
        self, method: str, address: str | URL, headers: Mapping[str, str], content: bytes | None
    ) -> aiohttp.ClientResponse:
        """Send, without httpx2's requests and responses. Raises `httpx2.TransportError` where there is no answer."""
        if self._session is None:
            self._session = self._new_session()
        said = {name: value for name in _FROM_THE_REQUEST if (value := headers.get(name)) is not None}
        try:
            return await self._session.request(
                method,
                address,
                headers={**said, **self._headers},
                data=content,
                allow_redirects=False,
                timeout=self._timeout,
            )
        except aiohttp.ServerTimeoutError as error:
            raise httpx2.ConnectTimeout("connecting took too long") from error
        except (aiohttp.ClientConnectorError, aiohttp.ClientSSLError) as error:
            raise httpx2.ConnectError("no connection") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise httpx2.RemoteProtocolError("the connection broke") from error

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_CleanConnector(limit=self._max_connections, keepalive_timeout=30, ttl_dns_cache=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_READ_AHEAD_BYTES,
            trust_env=False,
        )


_ENTITY_HEADERS = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""They describe bytes that nobody sees: bodies are handed on unpacked."""


class _CleanConnector(aiohttp.TCPConnector):
    """Never reuses a connection on which bytes came that nobody asked for: they would answer somebody else's request."""

    def __init__(self, *, limit: int, keepalive_timeout: float, ttl_dns_cache: int) -> None:
        super().__init__(
            limit=limit, keepalive_timeout=keepalive_timeout, ttl_dns_cache=ttl_dns_cache, socket_factory=_new_socket
        )
        self._factory = partial(cast("type[ResponseHandler]", _HonestProtocol), loop=self._loop)

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None


def _new_socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    new = socket.socket(family, kind, protocol)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return new


class _HonestProtocol(ResponseHandler):
    """Loses nothing that was right before something went wrong, and says at once that it did.

    aiohttp drops a head, and all that came with it in one read, for an error behind it; and a reader who waits for more of a
    body is not told of broken chunks.
    """

    def data_received(self, data: bytes) -> None:
        """Heads are parsed apart from what follows them."""
        while data.startswith(_HEAD_START):
            head, end, rest = data.partition(_HEAD_END)
            if not rest:
                break
            super().data_received(head + end)
            data = rest
        super().data_received(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """For whoever waits for a head, and for whoever reads a body."""
        if exc_cause is None:
            super().set_exception(exc)
        else:
            super().set_exception(exc, exc_cause)
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("the body is broken"), exc)


class Body(httpx2.AsyncByteStream):
    """A streamed body, unpacked. Closing it before its end closes the connection.

    It keeps no reference to the request: a stream that is open for minutes should not hold its prompt that long.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Raises `httpx2.DecodingError` for a body that is packed in an unknown way, and closes it."""
        self._response = response
        self._content = response.content
        self._pieces: Iterator[bytes] = iter(())
        try:
            self._inflater = Inflater.of(response.headers.get("content-encoding", ""))
        except UnknownEncoding as error:
            response.close()
            raise httpx2.DecodingError("the answer is compressed in an unknown way") from error

    async def read(self) -> bytes:
        """All that has come, once something has; nothing at the end. Raises `httpx2.ReadError` for a broken connection."""
        if self._inflater is None:
            return await self._read()
        piece = next(self._pieces, None)
        if piece is not None:
            await asyncio.sleep(0)  # A little input can be a lot of output: others want their turn in between.
        while piece is None:
            if not (data := await self._read()):
                return b""
            self._pieces = self._inflater.feed(data)
            piece = next(self._pieces, None)
        return piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()

    async def _read(self) -> bytes:
        """`StreamReader.readany` of aiohttp 3.14, which does for each HTTP chunk what is enough for all of a read, and which
        gives up what came before a connection broke; that belongs to the answer all the same.
        """
        content = self._content
        if content.at_eof():
            return b""
        buffer = content._buffer
        while not buffer:
            error = content.exception()
            if error is not None:
                raise httpx2.ReadError("the connection broke") from error
            if content.is_eof():
                return b""
            if not content._protocol.connected:
                raise httpx2.ReadError("the connection broke")
            content._waiter = content._loop.create_future()
            try:
                await content._waiter
            except (aiohttp.ClientError, RuntimeError, OSError) as broken:
                if not buffer:
                    raise httpx2.ReadError("the connection broke") from broken
            finally:
                content._waiter = None
        data = buffer.popleft() if len(buffer) == 1 else b"".join(buffer)
        buffer.clear()
        content._cursor += content._size
        content._size = 0
        if content._http_chunk_splits:
            content._http_chunk_splits.clear()
        if content._protocol._reading_paused:
            content._protocol.resume_reading()
        return data


async def failure(response: aiohttp.ClientResponse, request: httpx2.Request) -> httpx2.Response:
    """An answer that is no success, with as much of its body as is read of one."""
    content = await _error_body(response)
    return httpx2.Response(response.status, headers=_headers(response), content=content, request=request)


def _headers(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in response.raw_headers if name.lower() not in _ENTITY_HEADERS]


async def _error_body(response: aiohttp.ClientResponse) -> bytes:
    """What an answer that is no success says, as far as it comes soon and is short."""
    content = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_SECONDS):
            while len(content) < _ERROR_BODY_BYTES and (data := await response.content.readany()):
                content += data
    except (TimeoutError, aiohttp.ClientError, ValueError, OSError):
        response.close()
    except BaseException:
        response.close()
        raise
    if response.content.at_eof():
        response.release()
    else:
        response.close()
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return b""
    return bytes(content[:_ERROR_BODY_BYTES])
