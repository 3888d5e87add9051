"""Which models there are, and which one a name means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import Principal

__all__ = ["ModelCard", "ModelCatalog"]

_ID = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model as clients see it. `upstream_model` is the name that the provider knows."""

    id: str
    upstream_model: str
    provider: str = "openai"
    name: str = ""
    description: str = ""
    context_window: int | None = None
    supports_tools: bool = True

    @property
    def qualified_id(self) -> str:
        """The id with the provider prefix, as `GET /models` lists it."""
        return self.id if self.id.startswith(f"{self.provider}/") else f"{self.provider}/{self.id}"


class ModelCatalog:
    """Resolves what a client asks for; the first card is the default.

    A name matches with or without its provider prefix, letter for letter. With `open_models`, a name that no card has is
    handed to the default card's provider as it stands.
    """

    def __init__(self, cards: Sequence[ModelCard], *, open_models: bool = False) -> None:
        if not cards:
            raise ValueError("a catalog needs at least one model")
        self._default = cards[0]
        self._cards = tuple(cards)
        self._open = open_models
        self._by_name = {name: card for card in reversed(cards) for name in (card.id, card.qualified_id)}

    @property
    def default(self) -> ModelCard:
        """The card used when a request names no model and the caller may use every model."""
        return self._default

    def available_to(self, principal: Principal) -> tuple[ModelCard, ...]:
        """The cards that this caller may use, in the operator's order."""
        return tuple(card for card in self._cards if _allowed(card, principal))

    def resolve(self, model_id: str | None, principal: Principal) -> ModelCard:
        """The card for a requested id, or the default without one. Raises `Rejected` (MODEL_NOT_FOUND)."""
        if model_id is None:
            available = self.available_to(principal)
            if not available:
                raise Rejected(Code.MODEL_NOT_FOUND)
            return available[0]
        card = self._by_name.get(model_id)
        if card is None and self._open:
            card = self._unlisted(model_id)
        if card is None or not _allowed(card, principal):
            raise Rejected(Code.MODEL_NOT_FOUND)
        return card

    def _unlisted(self, model_id: str) -> ModelCard | None:
        name = model_id.removeprefix(f"{self._default.provider}/")
        if not _ID.fullmatch(name) or ".." in name:
            return None
        return ModelCard(id=name, upstream_model=name, provider=self._default.provider, name=name)


def _allowed(card: ModelCard, principal: Principal) -> bool:
    return principal.models is None or card.id in principal.models or card.qualified_id in principal.models
