"""Upstreams to which no HTTP connection comes about, with what a right service makes of each.

async with UNREACHABLE["connection-refused"].base_url() as base_url: ...
"""

import asyncio
import datetime
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .expectations import Expect

__all__ = ["UNREACHABLE", "Unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """One way of not being reachable; `base_url` holds it up for the length of a block."""

    name: str
    meaning: str
    expect: Expect
    base_url: Callable[[], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def _refused() -> AsyncIterator[str]:
    """A port that is taken, so that nobody else listens there, and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@asynccontextmanager
async def _blackhole() -> AsyncIterator[str]:
    """A listener whose queue is full and never emptied: further connection attempts get no reply."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        finally:
            for filler in fillers:
                filler.close()


@asynccontextmanager
async def _tls_garbage() -> AsyncIterator[str]:
    """A server that answers a TLS greeting in plain text."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@asynccontextmanager
async def _tls_untrusted() -> AsyncIterator[str]:
    """A TLS server whose certificate nobody has signed but itself."""

    def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0, ssl=_self_signed_context()) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def _self_signed_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(_self_signed())
        context.load_cert_chain(path)
    return context


def _self_signed() -> bytes:
    """A key and a certificate for 127.0.0.1, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def _status(*statuses: int, codes: str, tries: int) -> Expect:
    return Expect(kind="status", statuses=frozenset(statuses), codes=frozenset(codes.split()), attempts=(0, tries))


_ALL = (
    Unreachable(
        name="connection-refused",
        meaning="nobody listens",
        expect=_status(502, 503, codes="MODEL_UNAVAILABLE", tries=3),
        base_url=_refused,
    ),
    Unreachable(
        name="connect-timeout",
        meaning="nobody replies to the attempt to connect",
        expect=_status(504, codes="MODEL_TIMEOUT", tries=3),
        base_url=_blackhole,
    ),
    Unreachable(
        name="tls-garbage",
        meaning="the peer does not speak TLS",
        expect=_status(502, codes="MODEL_UNAVAILABLE MODEL_ERROR", tries=1),
        base_url=_tls_garbage,
    ),
    Unreachable(
        name="tls-untrusted",
        meaning="the peer's certificate is not to be trusted",
        expect=_status(502, codes="MODEL_UNAVAILABLE MODEL_ERROR", tries=1),
        base_url=_tls_untrusted,
    ),
)

UNREACHABLE: Final[dict[str, Unreachable]] = {each.name: each for each in _ALL}
