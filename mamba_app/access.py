"""Who may come in, and how much they may take: the authenticator and the limits that the settings choose."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mamba_adapters.auth.anonymous import Anonymous
from mamba_adapters.config.settings import Auth, Redis, Settings
from mamba_domain.errors import Misconfigured
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Admission
from mamba_domain.ports.authenticator import Authenticator

if TYPE_CHECKING:
    from mamba_adapters.admission.redis_meter import RedisMeter

__all__ = ["Access", "Limited", "access", "limited_admission"]

_ASYMMETRIC = ("RS256", "ES256", "Ed25519")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The authenticator. `connections` are entered in this order before the first request, and left after the last."""

    authenticator: Authenticator
    connections: tuple[AbstractAsyncContextManager[Any], ...] = ()


def access(settings: Auth) -> Access:
    """What `auth.mode` asks for. Raises `Misconfigured` for a key file or a factory that cannot be used."""
    match settings.mode:
        case "none":
            return Access(authenticator=Anonymous())
        case "api_key":
            return _api_keys(settings)
        case "jwt":
            return _tokens(settings)
        case path:
            return _made_by(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """The limits, and what has to be entered before the first turn and left after the last."""

    admission: Admission
    connections: tuple[AbstractAsyncContextManager[Any], ...] = ()


def limited_admission(settings: Settings) -> Limited:
    """The limits, counted where `limits.storage` says. Raises `Misconfigured` for a storage that cannot be had."""
    from mamba_adapters.admission.limited import Counting, LimitedAdmission

    limits = settings.limits
    connections: tuple[AbstractAsyncContextManager[Any], ...] = ()
    meter: Counting | None = None
    if limits.storage == "redis":
        meter = shared = _redis_meter(settings.redis)
        connections = (shared,)
    elif limits.turns_per_minute is not None or limits.tokens_per_day is not None:
        from mamba_adapters.admission.meter import Meter
        from mamba_adapters.admission.process import ProcessStorage

        storage = ProcessStorage()
        meter = Meter(storage, clock=storage.clock)
    admission = LimitedAdmission(
        meter,
        max_turns=limits.max_turns,
        turns_per_caller=limits.turns_per_caller,
        turns_per_minute=limits.turns_per_minute,
        tokens_per_day=limits.tokens_per_day,
    )
    return Limited(admission=admission, connections=connections)


def _redis_meter(redis: Redis) -> RedisMeter:
    try:
        from mamba_adapters.admission.redis_meter import RedisMeter
    except ImportError:
        raise Misconfigured("limits.storage", 'is "redis", for which the extra redis must be installed') from None
    if redis.url is None:
        raise Misconfigured("redis.url", 'required by limits.storage = "redis"')
    password = redis.password.get_secret_value() if redis.password is not None else None
    return RedisMeter(redis.url.get_secret_value(), password=password, prefix=redis.prefix)


def _api_keys(settings: Auth) -> Access:
    from mamba_adapters.auth.api_key import ApiKey, ApiKeys, digest_of

    def keys() -> Iterator[ApiKey]:
        if settings.api_key is not None:
            yield ApiKey(digest=digest_of(settings.api_key.get_secret_value()), principal=Principal(subject="default"))
        for entry in settings.api_keys:
            digest = digest_of(entry.key.get_secret_value()) if entry.key else bytes.fromhex(entry.sha256 or "")
            principal = Principal(subject=entry.name, scopes=frozenset(entry.scopes), models=entry.models)
            yield ApiKey(digest=digest, principal=principal)

    return Access(authenticator=ApiKeys(list(keys())))


def _tokens(settings: Auth) -> Access:
    from mamba_adapters.auth.fetching import DocumentClient
    from mamba_adapters.auth.issuer import IssuerKeys
    from mamba_adapters.auth.jwt import JwtAuthenticator
    from mamba_adapters.auth.keys import KeySource, StaticKeys, secret_key

    connections: tuple[AbstractAsyncContextManager[Any], ...] = ()
    default: tuple[str, ...] = _ASYMMETRIC
    keys: KeySource
    if settings.jwt_secret is not None:
        keys = StaticKeys([secret_key(settings.jwt_secret.get_secret_value())])
        default = ("HS256",)
    elif settings.jwt_key_file is not None:
        keys = StaticKeys(_keys_of_file(settings.jwt_key_file))
    else:
        client = DocumentClient()
        keys = IssuerKeys(client, issuer=settings.issuer, url=settings.jwks_url, lifetime=settings.jwks_lifetime)
        connections = (client, keys)
    authenticator = JwtAuthenticator(
        keys,
        algorithms=settings.algorithms or default,
        issuer=settings.issuer if settings.check_issuer else None,
        audience=settings.audience if settings.check_audience else None,
        leeway=settings.leeway,
        required_scopes=settings.required_scopes,
        scope_claims=settings.scope_claims,
        models_claim=settings.models_claim,
    )
    return Access(authenticator=authenticator, connections=connections)


def _made_by(path: str) -> Access:
    """The authenticator that a factory named by `package.module:name` makes; it is entered where it can be."""
    module_name, _, attribute = path.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise Misconfigured("auth.mode", f"{path} cannot be imported") from error
    authenticator = factory()
    if not inspect.iscoroutinefunction(getattr(authenticator, "authenticate", None)):
        raise Misconfigured("auth.mode", f"{path} makes no authenticator: it has no coroutine authenticate")
    connections = (authenticator,) if isinstance(authenticator, AbstractAsyncContextManager) else ()
    return Access(authenticator=authenticator, connections=connections)


def _keys_of_file(path: str) -> list[Any]:
    from mamba_adapters.auth.keys import keys_of_text

    try:
        return list(keys_of_text(Path(path).read_bytes()))
    except OSError as error:
        raise Misconfigured("auth.jwt_key_file", f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Misconfigured("auth.jwt_key_file", str(error)) from error
