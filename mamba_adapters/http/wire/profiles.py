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

__all__ = ["COMPAT", "FEATURES", "Profile", "Release", "profile_of", "profile_since", "release_of"]

Release: TypeAlias = tuple[int, int, int]
Profile: TypeAlias = frozenset[str]

_SINCE_6: tuple[Release, ...] = ((6, 0, 0), (7, 0, 0))
_SINCE_7: tuple[Release, ...] = ((7, 0, 0),)
_TOOL_METADATA: tuple[Release, ...] = ((6, 0, 176), (7, 0, 0))
_RESULT_METADATA: tuple[Release, ...] = ((6, 0, 120), (7, 0, 0))

FEATURES: Mapping[str, tuple[Release, ...]] = MappingProxyType(
    {
        "tool-input-start.title": _SINCE_6,
        "tool-input-start.providerMetadata": ((6, 0, 39), (7, 0, 0)),
        "tool-input-start.toolMetadata": _TOOL_METADATA,
        "tool-input-available.title": _SINCE_6,
        "tool-input-available.toolMetadata": _TOOL_METADATA,
        "tool-input-error": ((5, 0, 7), (6, 0, 0), (7, 0, 0)),
        "tool-input-error.title": _SINCE_6,
        "tool-output-available.preliminary": ((5, 0, 11), (6, 0, 0), (7, 0, 0)),
        "tool-output-available.providerMetadata": _RESULT_METADATA,
        "tool-output-available.toolMetadata": _TOOL_METADATA,
        "tool-output-error.providerMetadata": _RESULT_METADATA,
        "tool-output-error.toolMetadata": _TOOL_METADATA,
        "tool-approval-request": _SINCE_6,
        "tool-approval-request.signature": ((6, 0, 202), (7, 0, 0)),
        "tool-approval-request.isAutomatic": _SINCE_7,
        "tool-approval-response": _SINCE_7,
        "tool-output-denied": _SINCE_6,
        "finish.finishReason": ((5, 0, 92), (6, 0, 0), (7, 0, 0)),
        "abort.reason": ((6, 0, 15), (7, 0, 0)),
        "custom": _SINCE_7,
        "reasoning-file": _SINCE_7,
    }
)
"""The first release of each major that takes a chunk type or a field; a major that is not named never does."""

COMPAT: Profile = frozenset()
"""What the first release of each major from 5 on understands."""

_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,6}))?(?:[-+].{0,64})?")
_FIRST_MAJOR = 5
_LAST_MAJOR = 7


def release_of(version: str) -> Release | None:
    """The numbers of "6.0.12"; missing ones are 0, so that "6" is the first release. None for what is no version."""
    found = _VERSION.fullmatch(version.strip().removeprefix("v"))
    if found is None:
        return None
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch


def profile_of(release: Release) -> Profile:
    """What one release understands.

    A major newer than the table is taken for the newest release of the newest one, an older one than 5 for compat.
    """
    if release[0] > _LAST_MAJOR:
        release = (_LAST_MAJOR, 9999, 0)
    return frozenset(name for name, firsts in FEATURES.items() if _takes(release, firsts))


def profile_since(major: int) -> Profile:
    """What every release of a major and of the later ones understands: for clients whose requests prove a least major."""
    first = min(max(major, _FIRST_MAJOR), _LAST_MAJOR)
    return frozenset.intersection(*(profile_of((m, 0, 0)) for m in range(first, _LAST_MAJOR + 1)))


def _takes(release: Release, firsts: tuple[Release, ...]) -> bool:
    return any(first[0] == release[0] and first <= release for first in firsts)
