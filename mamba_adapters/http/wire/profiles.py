"""What each release of the AI SDK understands, as data.

A strict release drops the whole answer at the first chunk type or field that it does not know, and none tells its version
by default. `FEATURES` therefore names, for each thing beyond the common core, the first release of every major that takes
it; a profile is the set of things that are safe to send. Sources: the chunk schemas inside the published `ai` packages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

__all__ = ["COMPAT", "FEATURES", "Profile", "profile_of", "profile_since"]

Release: TypeAlias = tuple[int, int, int]
Profile: TypeAlias = frozenset[str]

FEATURES: Mapping[str, tuple[Release, ...]] = MappingProxyType(
    {
        "tool-input-error": ((5, 0, 7), (6, 0, 0), (7, 0, 0)),
        "finish.finishReason": ((5, 0, 92), (6, 0, 0), (7, 0, 0)),
        "tool-output-available.preliminary": ((5, 0, 11), (6, 0, 0), (7, 0, 0)),
        "tool-approval-request": ((6, 0, 0), (7, 0, 0)),
        "tool-approval-request.signature": ((6, 0, 202), (7, 0, 0)),
        "tool-output-denied": ((6, 0, 0), (7, 0, 0)),
        "abort.reason": ((6, 0, 15), (7, 0, 0)),
    }
)
"""The first release of each major that takes a chunk type or a field; a major that is not named never does."""

COMPAT: Profile = frozenset()
"""What the first release of each major from 5 on understands."""

_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,6}))?")
_FIRST_MAJOR = 5
_LAST_MAJOR = 7


def profile_of(version: str) -> Profile | None:
    """What one release understands: "6.0.12", "6.0" and "6" (its first release); None for what is no such version.

    A major newer than the table is taken for the newest one that it has, an older one than 5 for compat.
    """
    found = _VERSION.fullmatch(version.strip().removeprefix("v"))
    if found is None:
        return None
    major, minor, patch = (int(part or 0) for part in found.groups())
    release = (major, minor, patch) if major <= _LAST_MAJOR else (_LAST_MAJOR, 9999, 0)
    return frozenset(name for name, firsts in FEATURES.items() if _takes(release, firsts))


def profile_since(major: int) -> Profile:
    """What every release of a major and of the later ones understands: for clients whose requests prove a least major."""
    profiles = [profile_of(f"{m}.0.0") or COMPAT for m in range(max(major, _FIRST_MAJOR), _LAST_MAJOR + 1)]
    return frozenset.intersection(*profiles) if profiles else COMPAT


def _takes(release: Release, firsts: tuple[Release, ...]) -> bool:
    return any(first[0] == release[0] and first <= release for first in firsts)
