"""`auth.mode = "jwt"`: a caller is whom a signed token of the configured issuer says.

Header and signature are judged in `tokens`, the registered claims by joserfc, and what the principal is made of here. The
subject is `sub`; scopes come from OAuth's `scope` (RFC 8693, a text) or from a list such as `scp`; the models that the caller
may use from a claim, or from scopes such as `model:gpt-4o-mini`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry

from mamba_adapters.auth.keys import KeySource
from mamba_adapters.auth.tokens import BadToken, read_token, verify
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Credentials, Principal
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["JwtAuthenticator"]

_LONGEST_SUBJECT = 256
_LAST_MOMENT = 1 << 53
_MODEL_SCOPE = "model:"
_TIMES = ("exp", "nbf", "iat")


class JwtAuthenticator:
    """An `Authenticator`. `issuer` or `audience` None: not checked. `leeway` is in seconds, for clocks that disagree."""

    def __init__(
        self,
        keys: KeySource,
        *,
        algorithms: Sequence[str],
        issuer: str | None,
        audience: str | None,
        leeway: int = 30,
        required_scopes: Sequence[str] = (),
        scope_claims: Sequence[str] = ("scope", "scp"),
        models_claim: str = "models",
        clock: Callable[[], float] = time.time,
    ) -> None:
        same = {"EdDSA", "Ed25519"}
        self._algorithms = frozenset(algorithms) | (same if same & set(algorithms) else set())
        self._keys = keys
        self._required = frozenset(required_scopes)
        self._scope_claims = tuple(scope_claims)
        self._models_claim = models_claim
        options: dict[str, ClaimsOption] = {"exp": {"essential": True}, "sub": {"essential": True}}
        if issuer is not None:
            options["iss"] = {"essential": True, "value": issuer}
        if audience is not None:
            options["aud"] = {"essential": True, "value": audience}
        self._registry = JWTClaimsRegistry(now=lambda: int(clock()), leeway=leeway, **options)

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Read the token."""
        if credentials.bearer is None:
            raise Rejected(Code.AUTH_REQUIRED, detail="no token")
        try:
            token = read_token(credentials.bearer, algorithms=self._algorithms)
            claims = verify(token, await self._keys.candidates(token.key_id, token.algorithm))
            self._judge(claims)
            principal = self._principal(claims)
        except BadToken as error:
            raise Rejected(Code.AUTH_EXPIRED if error.expired else Code.AUTH_INVALID, detail=error.reason) from None
        if not self._required <= principal.scopes:
            raise Rejected(Code.FORBIDDEN, detail=f"scope missing, {principal.subject}")
        return principal

    def _judge(self, claims: JsonObject) -> None:
        """The registered claims. That a token has expired is told last, of one that is right in all else."""
        for name in _TIMES:
            moment = claims.get(name, 0)
            if not isinstance(moment, int | float) or not abs(moment) < _LAST_MOMENT:
                raise BadToken(f"{name} is no time")
        ordered = {name: value for name, value in claims.items() if name != "exp"}
        if "exp" in claims:
            ordered["exp"] = claims["exp"]
        try:
            self._registry.validate(ordered)
        except ExpiredTokenError:
            raise BadToken("expired", expired=True) from None
        except ClaimError as error:
            raise BadToken(_claim_trouble(error)) from None
        except JoseError as error:
            raise BadToken(f"claims: {error.error}") from None

    def _principal(self, claims: JsonObject) -> Principal:
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject.strip() or not subject.isprintable():
            raise BadToken("sub is no name")
        if len(subject) > _LONGEST_SUBJECT:
            raise BadToken("sub is too long")
        scopes = frozenset(scope for name in self._scope_claims for scope in _words(claims.get(name)))
        return Principal(subject=subject, scopes=scopes, models=self._models(claims, scopes))

    def _models(self, claims: JsonObject, scopes: frozenset[str]) -> tuple[str, ...] | None:
        """The allow-list; a claim that is there and names nothing allows nothing."""
        named = sorted(scope.removeprefix(_MODEL_SCOPE) for scope in scopes if scope.startswith(_MODEL_SCOPE))
        if self._models_claim in claims:
            return (*_words(claims[self._models_claim]), *named)
        return tuple(named) or None


def _claim_trouble(error: ClaimError) -> str:
    """Which claim, and what to compare it with: for the log, where an operator looks who sets this up."""
    if error.error == "missing_claim":
        return f"{error.claim} is missing"
    if error.claim in _TIMES:
        return f"{error.claim} lies ahead of this machine's clock"
    setting = {"iss": "auth.issuer", "aud": "auth.audience"}.get(error.claim)
    return f"{error.claim} is not {setting}" if setting else f"{error.claim} is not right"


def _words(value: JsonValue) -> list[str]:
    """A text of words, or a list of texts."""
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
