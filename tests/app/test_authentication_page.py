"""docs/authentication.md and docs/security.md say what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mamba_adapters.config.keys import all_keys
from mamba_adapters.config.settings import Limits, Server
from mamba_adapters.http.guard import WireLimits
from mamba_adapters.http.problems import STATUS
from mamba_domain.errors import Code
from tests.app.harness import settings

DOCS = Path(__file__).parents[2] / "docs"
AUTHENTICATION = (DOCS / "authentication.md").read_text()
SECURITY = (DOCS / "security.md").read_text()
FILLED_IN = {"<digest>": "ab" * 32, "<key>": "4f9a1c7e2b8d6035"}
BLOCKS = re.findall(r"^ *```toml\n(.*?)^ *```", AUTHENTICATION, re.DOTALL | re.MULTILINE)


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Keys with dots."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_is_taken_as_it_stands(block: str) -> None:
    for blank, value in FILLED_IN.items():
        block = block.replace(blank, value)
    values = flat(tomllib.loads(block))
    more = {"redis.url": "redis://127.0.0.1"} if "storage" in block else {}
    assert settings({**values, **more}).limits is not None


@pytest.mark.parametrize("page", [AUTHENTICATION, SECURITY], ids=["authentication", "security"])
def test_every_setting_that_is_named_is_one(page: str) -> None:
    named = set(re.findall(r"`((?:auth|limits|tools|server|chat|streams|cors|logging|redis)\.[a-z_]+)", page))
    assert len(named) > 5
    assert named <= set(all_keys())


def test_the_codes_have_the_statuses_that_the_page_tells() -> None:
    told = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", AUTHENTICATION, re.MULTILINE)
    assert len(told) == 5
    assert {Code(code): int(status) for code, status in told} == {Code(code): STATUS[Code(code)] for code, _ in told}


def test_the_limits_are_those_that_the_pages_tell() -> None:
    wire = WireLimits()
    for told in (
        f"`server.head_timeout`, {wire.head_timeout:g} s",
        f"`server.body_timeout`, {wire.body_timeout:g} s",
        f"{wire.max_head_bytes // 1024} KiB, {wire.max_headers} |",
        f"| {wire.max_target_bytes // 1024} KiB |",
        f"`server.max_body_bytes`, {Server().max_body_bytes >> 20} MiB",
    ):
        assert told in SECURITY
    assert (Server().head_timeout, Server().body_timeout) == (wire.head_timeout, wire.body_timeout)
    assert f"max_turns = {Limits().max_turns} " in AUTHENTICATION
