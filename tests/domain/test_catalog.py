"""Which model a name means, and for whom."""

from __future__ import annotations

import pytest

from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.errors import Code, Rejected
from mamba_domain.identity import ANONYMOUS, Principal

SMALL = ModelCard(id="small", upstream_model="small-1")
BIG = ModelCard(id="acme/big", upstream_model="big-1", provider="acme")
CATALOG = ModelCatalog([SMALL, BIG])
OPEN = ModelCatalog([SMALL, BIG], open_models=True)
BOB = Principal(subject="bob", models=("acme/big",))
NOBODY = Principal(subject="nobody", models=())


def test_a_catalog_has_a_model() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ModelCatalog([])


def test_the_first_model_is_the_default_of_whoever_may_use_it() -> None:
    assert CATALOG.default is SMALL
    assert CATALOG.resolve(None, ANONYMOUS) is SMALL
    assert CATALOG.resolve(None, BOB) is BIG


@pytest.mark.parametrize(("name", "card"), [("small", SMALL), ("openai/small", SMALL), ("acme/big", BIG)])
def test_a_name_matches_with_or_without_its_provider(name: str, card: ModelCard) -> None:
    assert CATALOG.resolve(name, ANONYMOUS) is card
    assert card.qualified_id.startswith(f"{card.provider}/")


@pytest.mark.parametrize("name", ["", "Small", "openai/big", "small ", "nope", "x" * 1000])
def test_what_is_not_listed_does_not_exist(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        CATALOG.resolve(name, ANONYMOUS)
    assert caught.value.code is Code.MODEL_NOT_FOUND


def test_an_open_catalog_hands_on_what_it_does_not_list() -> None:
    card = OPEN.resolve("openai/new-model", ANONYMOUS)
    assert (card.id, card.upstream_model, card.provider) == ("new-model", "new-model", "openai")


@pytest.mark.parametrize("name", ["", "openai/", "a b", "../../etc", "nul\x00", "é", "x" * 300])
def test_an_open_catalog_takes_only_what_may_be_a_name(name: str) -> None:
    with pytest.raises(Rejected):
        OPEN.resolve(name, ANONYMOUS)


def test_a_model_that_is_not_allowed_is_as_one_that_does_not_exist() -> None:
    assert CATALOG.available_to(BOB) == (BIG,)
    for catalog, name in ((CATALOG, "small"), (OPEN, "new-model"), (CATALOG, None)):
        with pytest.raises(Rejected) as caught:
            catalog.resolve(name, NOBODY)
        assert caught.value.code is Code.MODEL_NOT_FOUND
