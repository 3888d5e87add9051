"""Judges an answer to a chat by what `/openapi.json` says of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx2
import jsonschema
from pydantic import TypeAdapter

from mamba_adapters.http.openapi.chunks import UiMessageChunk
from mamba_adapters.http.openapi.document import openapi_document

__all__ = ["check_described"]


def check_described(answer: httpx2.Response, chunks: list[Any]) -> None:
    """Its status, its type and all that it holds are in the document; `chunks` are those of a stream."""
    chunk_type, judges = _judges()
    media_type = answer.headers["content-type"].partition(";")[0]
    judge = judges[answer.status_code, media_type]
    if answer.status_code != 200:
        judge.validate(answer.json())
        return
    *content, end = chunks
    assert end == "[DONE]"
    assert content[0]["type"] == "start"
    for chunk in content:
        chunk_type.validate_python(chunk)


@cache
def _judges() -> tuple[TypeAdapter[Any], dict[tuple[int, str], jsonschema.Draft202012Validator]]:
    document: dict[str, Any] = openapi_document(version="1", paths=["/api/chat"], has_auth=False)
    judges = {
        (int(status), media_type): jsonschema.Draft202012Validator(
            {**content["schema"], "components": document["components"]}
        )
        for status, described in document["paths"]["/api/chat"]["post"]["responses"].items()
        for media_type, content in described["content"].items()
    }
    return TypeAdapter[Any](UiMessageChunk), judges
