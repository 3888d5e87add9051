"""Decides in which wire, and in whose profile, a request is answered. Pure.

What is said outright counts first: `?protocol=NAME` forces a wire, the header `X-Mamba-UI: 6.0.12` names the client's release.
Then what betrays the client: some releases send `ai-sdk/6.0.12` as their user agent, and a body may have marks that only a
certain generation makes. The rest is the operator's setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mamba_adapters.http.wire.codec import WireEncoder, WireFactory
from mamba_adapters.http.wire.profiles import COMPAT, Profile, Release, profile_of, profile_since, release_of
from mamba_domain.errors import Code, Rejected

__all__ = ["AI_SDK", "AI_SDK_V4", "TEXT", "Negotiated", "Wires", "default_release", "negotiate"]

AI_SDK = "ai-sdk"
AI_SDK_V4 = "ai-sdk-v4"
TEXT = "text"

_USER_AGENT = re.compile(r"(?:^|\s)ai-sdk/(\d[\w.+-]{0,64})")
_LAST_OF_DATA_STREAM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """The wires by name, and the release that clients are taken for when nothing tells; None = the oldest of each major."""

    by_name: Mapping[str, WireFactory]
    release: Release | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What was decided. `protocol` is the name of the wire."""

    protocol: str
    factory: WireFactory
    profile: Profile

    def encoder(self, *, replay: bool = False) -> WireEncoder:
        """For one reader; `replay`: it starts from nothing."""
        return self.factory(replay=replay, profile=self.profile)


def negotiate(
    headers: Mapping[str, str], query: Mapping[str, str], *, wires: Wires, generation: int | None = None
) -> Negotiated:
    """The wire and profile for a request; `generation` is the AI SDK major that its body proves at least.

    Raises `Rejected` (INVALID_REQUEST) for a wire that does not exist and a release that is no version.
    """
    release = _told(headers)
    protocol = query.get("protocol")
    if protocol is None:
        protocol = _protocol(release, generation, wires.release)
    factory = wires.by_name.get(protocol)
    if factory is None:
        names = ", ".join(wires.by_name)
        raise Rejected(Code.INVALID_REQUEST, f"The protocol is not known; these are: {names}.")
    return Negotiated(protocol=protocol, factory=factory, profile=_profile(release, generation, wires.release))


def default_release(setting: str) -> Release | None:
    """The release that `streams.ui_profile` means; "compat" is none."""
    return None if setting == "compat" else release_of(setting)


def _told(headers: Mapping[str, str]) -> Release | None:
    """The release that the client names."""
    named = headers.get("x-mamba-ui")
    if named is not None:
        release = release_of(named)
        if release is None:
            raise Rejected(Code.INVALID_REQUEST, "The header X-Mamba-UI must be a version such as 6.0.12.")
        return release
    agent = _USER_AGENT.search(headers.get("user-agent", ""))
    return None if agent is None else release_of(agent[1])


def _protocol(release: Release | None, generation: int | None, default: Release | None) -> str:
    major = release[0] if release is not None else generation
    if major is None and default is not None:
        major = default[0]
    return AI_SDK if major is None or major > _LAST_OF_DATA_STREAM else AI_SDK_V4


def _profile(release: Release | None, generation: int | None, default: Release | None) -> Profile:
    if release is not None:
        return profile_of(release)
    known = COMPAT if default is None else profile_of(default)
    return known if generation is None else known | profile_since(generation)
