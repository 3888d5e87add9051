"""Nothing is shipped under a license that was not agreed to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api_pages.fetch import PACKAGES
from supply_chain.licenses import ELSEWHERE, SCRIPTS, is_allowed, main, shipped


def test_everything_that_is_shipped_may_be_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    listed = capsys.readouterr().out
    for expected in ("python openai", "python redis", "page   react", "page   @fontsource", "script redoc"):
        assert f"\n{expected}" in f"\n{listed}"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("(MPL-2.0 OR GPL-3.0-only)", True),
        ("GPL-3.0-only OR AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", True),
        ("GPL-3.0-only", False),
        ("SSPL-1.0", False),
        ("MIT and friends", False),
        ("(MIT", False),
        ("", False),
    ],
)
def test_an_expression_is_allowed_when_it_can_be_met(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_a_package_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/image.lock").write_text("nobody-knows-it==1.0 \\\n    --hash=sha256:00\n", "ascii")
    (tmp_path / "playground").mkdir()
    packages = {"": {}, "node_modules/@a/b": {"version": "1"}, "node_modules/c": {"version": "1", "dev": True}}
    (tmp_path / "playground/package-lock.json").write_text(json.dumps({"packages": packages}), "ascii")
    found = {it.name: it.license for it in shipped(tmp_path) if it.kind != "script"}
    assert found == {"nobody-knows-it": "", "@a/b": ""}


def test_the_tables_hold_what_there_is() -> None:
    assert set(SCRIPTS) == {package.name for package in PACKAGES}
    assert set(ELSEWHERE) <= {it.name for it in shipped() if it.kind == "python"}
