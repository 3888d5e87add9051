"""The keys of an issuer, fetched from its JWK set: by address, or by OpenID Connect Discovery 1.0 (Authlib 1.9).

Requests never wait for a fetch as long as the key is known. The set is renewed in the background before it is `lifetime` old,
so that a key which its issuer dropped serves no longer than that. A key id that nobody has heard of may ask for the set at
once, but only one fetch runs at a time and none sooner than `patience` after the last: strangers cannot make the server ask.
While the issuer cannot be reached, the last known set serves for `stale`. Times are in seconds, of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import structlog
from authlib.oidc.discovery import get_well_known_url
from joserfc.jwk import Key

from mamba_adapters.auth.keys import PublicKey, keys_of_text
from mamba_domain.errors import Code, Misconfigured, Rejected

__all__ = ["IssuerKeys", "Unreachable"]

log = structlog.stdlib.get_logger("mamba.auth")

_COLD_PATIENCE = 5.0
"""Seconds between two attempts while there is no key at all."""


class Unreachable(Exception):
    """A document could not be had. The reason is a text of ours."""


class IssuerKeys:
    """A `KeySource`. Entering it fetches the set once; leaving it ends the renewal.

    Either `url` names the JWK set, or `issuer` the issuer whose metadata name it, on the same origin. `fetch` gets a document
    of bounded size, without following redirects, or raises `Unreachable`.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[bytes]],
        *,
        issuer: str | None = None,
        url: str | None = None,
        lifetime: float = 300.0,
        patience: float = 30.0,
        stale: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._url = url
        self._lifetime = lifetime
        self._patience = patience
        self._stale = stale
        self._clock = clock
        self._keys: list[PublicKey] = []
        self._fetched: float | None = None
        self._asked: float | None = None
        self._is_failing = False
        self._fetching: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises `Misconfigured` when the issuer answers, and not as the issuer that was configured."""
        await self._renew()
        self._renewal = asyncio.create_task(self._stay_fresh(), name="issuer keys")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._renewal, self._fetching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def candidates(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """The keys of that id; without an id, the only key there is for the algorithm."""
        found = self._matching(key_id, algorithm)
        if not found and (self._fetching is not None or self._may_ask()):
            try:
                await self._renew()
            except Misconfigured as problem:
                log.error("auth.issuer_wrong", key=problem.key, reason=problem.reason)
            found = self._matching(key_id, algorithm)
        if not found and not self._current():
            raise Rejected(
                Code.OVERLOADED,
                "Credentials cannot be checked right now. Please try again in a moment.",
                detail="no keys of the issuer",
                retry_after=_COLD_PATIENCE,
            )
        return found

    def _matching(self, key_id: str | None, algorithm: str) -> list[Key]:
        fitting = [it for it in self._current() if algorithm in it.algorithms]
        if key_id is None:
            return [fitting[0].key] if len(fitting) == 1 else []
        return [it.key for it in fitting if it.key_id == key_id]

    def _current(self) -> list[PublicKey]:
        """The keys, as long as they are not too old."""
        if self._fetched is None or self._clock() - self._fetched > self._stale:
            return []
        return self._keys

    def _may_ask(self) -> bool:
        if self._asked is None:
            return True
        return self._clock() - self._asked >= (self._patience if self._current() else _COLD_PATIENCE)

    async def _stay_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._until_renewal())
            if self._until_renewal() > 0:
                continue
            try:
                await self._renew()
            except Misconfigured as problem:
                log.error("auth.issuer_wrong", key=problem.key, reason=problem.reason)

    def _until_renewal(self) -> float:
        """Seconds; a fetch takes a little, so it begins before the set's lifetime is over."""
        now = self._clock()
        due = 0.0 if self._fetched is None else self._fetched + self._lifetime * 0.9
        if self._asked is not None and self._asked != self._fetched:
            due = max(due, self._asked + (self._patience if self._keys else _COLD_PATIENCE))
        return max(0.0, due - now)

    async def _renew(self) -> None:
        """One fetch, however many wait for it."""
        if self._fetching is None:
            self._asked = self._clock()
            self._fetching = asyncio.create_task(self._load(), name="fetch issuer keys")
            self._fetching.add_done_callback(self._loaded)
        await asyncio.shield(self._fetching)

    def _loaded(self, task: asyncio.Task[None]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()

    async def _load(self) -> None:
        asked = self._asked
        try:
            url = self._url or await self._discover()
            self._keys = keys_of_text(await self._fetch(url))
        except Unreachable as error:
            self._note_failure(str(error))
        except ValueError as error:
            self._note_failure(f"the document {error}")
        else:
            self._fetched = asked
            if self._is_failing:
                self._is_failing = False
                log.info("auth.keys_fetched", source=self._url or self._issuer, known=len(self._keys))

    def _note_failure(self, reason: str) -> None:
        self._is_failing = True
        source = self._url or self._issuer
        log.warning("auth.keys_not_fetched", source=source, reason=reason, known=len(self._current()))

    async def _discover(self) -> str:
        """Where the issuer's metadata say that its keys are."""
        issuer = self._issuer or ""
        try:
            metadata = json.loads(await self._fetch(get_well_known_url(issuer, external=True)))
        except (ValueError, RecursionError):
            raise Unreachable("the issuer's metadata are no JSON") from None
        named = metadata.get("issuer") if isinstance(metadata, dict) else None
        if named != issuer:
            raise Misconfigured(
                "auth.issuer",
                f"the metadata found there are those of another issuer, {_quoted(named)}; every letter counts",
            )
        url = metadata.get("jwks_uri")
        if not isinstance(url, str) or _origin(url) != _origin(issuer):
            raise Misconfigured("auth.issuer", "its keys are on another origin; name their address in auth.jwks_url")
        return url


def _quoted(name: object) -> str:
    """What an issuer calls itself, for a log: one short line."""
    return ascii(name[:256]) if isinstance(name, str) else "without a name"


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, port
