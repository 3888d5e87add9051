"""What is installed is what the lock says, and the lock has every client that the tests name."""

import json
from typing import Any

import pytest

from tests.sdk import install
from tests.sdk.clients import RELEASES
from tests.sdk.node import FOLDER

DECLARED: dict[str, str] = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]
LOCKED: dict[str, dict[str, Any]] = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["packages"]


@pytest.mark.parametrize("release", [release for release in RELEASES if release != "4.3.19"])
def test_a_release_is_locked_under_its_own_name(release: str) -> None:
    assert DECLARED[f"ai-{release}"] == f"npm:ai@{release}"
    assert LOCKED[f"node_modules/ai-{release}"]["version"] == release


def test_release_4_is_locked_by_the_packages_that_it_is_made_of() -> None:
    """The client of ai 4.3.19 is @ai-sdk/react 1.2.12 on @ai-sdk/ui-utils 1.2.11."""
    assert LOCKED["node_modules/@ai-sdk/react"]["version"] == "1.2.12"
    assert LOCKED["node_modules/@ai-sdk/ui-utils"]["version"] == "1.2.11"


def test_every_package_is_locked_by_its_hash_and_not_by_an_address() -> None:
    packages = [package for path, package in LOCKED.items() if path]
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert not any("resolved" in package for package in packages)


def test_installing_again_does_nothing(sdk_installed: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main() == 0
    assert "installed as locked" in capsys.readouterr().out
