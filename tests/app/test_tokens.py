"""The attacks on tokens, over HTTP: nobody comes in, nothing fails, and the issuer's own tokens still open."""

from __future__ import annotations

from pathlib import Path

import pytest
from joserfc.jwk import OctKey

from tests.adapters.auth.attacks import KINDS, attacks
from tests.adapters.auth.identity_provider import identity_provider
from tests.adapters.auth.signing import AUDIENCE, ISSUER, SECRET, key_of, signed
from tests.app.harness import settings
from tests.app.wire import Wire, wire


@pytest.mark.parametrize("algorithm", KINDS)
async def test_no_attack_gets_past_the_served_application(algorithm: str, tmp_path: Path) -> None:
    values: dict[str, object] = {"auth.mode": "jwt", "auth.issuer": ISSUER, "auth.audience": AUDIENCE}
    key = key_of(algorithm)
    if isinstance(key, OctKey):
        values["auth.jwt_secret"] = SECRET
    else:
        file = tmp_path / "key.pem"
        file.write_bytes(key.as_pem(private=False))
        values |= {"auth.jwt_key_file": str(file), "auth.algorithms": [algorithm]}
    async with identity_provider() as trap, wire(settings(values)) as server:
        for name, token in attacks(algorithm, trap=trap.url):
            if token.isascii() and token.isprintable() and token == token.strip():
                assert await _status(server, token) in (401, 431), name
        assert await _status(server, signed(algorithm)) == 200
        assert not trap.asked


async def _status(server: Wire, token: str) -> int:
    head = f"GET /models HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    return (await server.ask(head.encode())).status
