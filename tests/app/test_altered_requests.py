"""The examples of `/openapi.json`, altered at any place: every answer to them is described, and none is a fault of ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mamba_adapters.http.openapi.document import openapi_document
from mamba_adapters.http.openapi.operations import OPERATIONS
from tests.app.harness import settings
from tests.app.serving import serving
from tests.fakes.scripted_model import ScriptedModel, text_script

DOCUMENT: dict[str, Any] = openapi_document(
    version="1", paths=[operation.paths[0] for operation in OPERATIONS], has_auth=False
)
EXAMPLES = [
    pytest.param(operation.paths[0], body, id=f"{operation.name}-{name}")
    for operation in OPERATIONS
    for name, (_, body) in operation.examples.items()
]
WORDS = st.sampled_from(["", "user", "assistant", "system", "tool", "text", "file", "none", "{{", "\u2028", "a" * 300])
NUMBERS = st.one_of(st.integers(-1, 3), st.floats(allow_nan=False, allow_infinity=False), st.just(2**70))
VALUES = st.recursive(
    st.one_of(WORDS, st.text(max_size=8), NUMBERS, st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=5,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: what holds it, and its key there."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@st.composite
def altered(draw: st.DrawFn, body: Any) -> Any:
    """A body of which something is missing, is something else, or is there in addition."""
    result = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 2))):
        found = list(places(result))
        if not found:
            return draw(VALUES)
        holder, key = draw(st.sampled_from(found))
        match draw(st.sampled_from(["replace", "drop", "add"])):
            case "replace":
                holder[key] = draw(VALUES)
            case "drop":
                del holder[key]
            case _ if isinstance(holder, list):
                holder.append(draw(VALUES))
            case _:
                holder[draw(WORDS)] = draw(VALUES)
    return result


@pytest.mark.parametrize(("path", "body"), EXAMPLES)
@hypothesis_settings(max_examples=20, deadline=None)
@given(data=st.data())
async def test_every_answer_is_described(path: str, body: Any, data: st.DataObject) -> None:
    sent = data.draw(altered(body))
    model = ScriptedModel(*[text_script('{"title": "a", "steps": []}')] * 3)
    async with serving(settings(), model_for=lambda _: model) as app:
        answer = await app.http.post(path, json=sent)
    assert answer.status_code < 500, answer.text
    described = DOCUMENT["paths"][path]["post"]["responses"][str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in described
    if media_type.endswith("json"):
        schema = {**described[media_type]["schema"], "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())
