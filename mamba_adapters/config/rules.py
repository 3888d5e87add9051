"""What settings that are valid one by one still lack together, and what of them is of no use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mamba_adapters.config.settings import Settings

__all__ = ["Lack", "lacks", "notes_on"]


@dataclass(frozen=True, slots=True)
class Lack:
    """A key that has to be set because of the value of another key."""

    key: str
    because: str
    reason: str


def lacks(settings: Settings) -> Iterator[Lack]:
    """The keys without which the server cannot start."""
    adapter = settings.model.adapter
    if adapter.startswith("openai-") and settings.openai.api_key is None:
        yield Lack(
            key="openai.api_key",
            because="model.adapter",
            reason=f'required by model.adapter = "{adapter}"; set OPENAI_API_KEY or MAMBA_OPENAI__API_KEY, '
            'or write it to .secrets.toml; model.adapter = "demo" needs none',
        )


def notes_on(settings: Settings) -> Iterator[str]:
    """What an operator may have meant otherwise."""
    if settings.auth.api_key is not None:
        yield f'auth.api_key is set but not used: auth.mode = "{settings.auth.mode}" lets everybody in'
