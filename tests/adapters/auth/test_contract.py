"""Every authenticator keeps the port's promises."""

from __future__ import annotations

import pytest

from mamba_adapters.auth.anonymous import Anonymous
from mamba_adapters.auth.api_key import ApiKey, ApiKeys, digest_of
from mamba_adapters.auth.jwt import JwtAuthenticator
from mamba_adapters.auth.keys import StaticKeys, secret_key
from mamba_domain.identity import Credentials, Principal
from tests.adapters.auth.signing import AUDIENCE, ISSUER, SECRET, signed
from tests.contracts.authenticator import AuthenticatorContract, Case


class TestAnonymous(AuthenticatorContract):
    @pytest.fixture
    async def case(self) -> Case:
        return Case(authenticator=Anonymous(), first=Credentials(), second=Credentials(api_key="x"), is_open=True)


class TestApiKeys(AuthenticatorContract):
    @pytest.fixture
    async def case(self) -> Case:
        keys = {"alice": "alices-key-0123456789", "bob": "bobs-key-0123456789"}
        authenticator = ApiKeys(
            [ApiKey(digest=digest_of(key), principal=Principal(subject=name)) for name, key in keys.items()]
        )
        return Case(
            authenticator=authenticator,
            first=Credentials(api_key=keys["alice"]),
            second=Credentials(bearer=keys["bob"]),
        )


class TestJwt(AuthenticatorContract):
    @pytest.fixture
    async def case(self) -> Case:
        authenticator = JwtAuthenticator(
            StaticKeys([secret_key(SECRET)]), algorithms=("HS256",), issuer=ISSUER, audience=AUDIENCE
        )
        return Case(
            authenticator=authenticator,
            first=Credentials(bearer=signed("HS256", sub="alice")),
            second=Credentials(bearer=signed("HS256", sub="bob")),
        )
