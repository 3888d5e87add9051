"""Who is asking, and with what they prove it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ANONYMOUS", "Credentials", "Principal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller. `subject` is stable and unique; chats, streams and approvals belong to it."""

    subject: str
    scopes: frozenset[str] = field(default_factory=frozenset)
    models: tuple[str, ...] | None = None
    """Ids of the models that this caller may use; None = every one in the catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request presents, letter for letter. Its repr shows none of it."""

    api_key: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)


ANONYMOUS = Principal(subject="anonymous")
