"""The OpenAPI 3.1 document: every operation, with the models of what goes in and out.

It is put together by hand from `OPERATIONS` and the models' JSON Schemas. The tests hold it against the routes that the
application serves, and run its examples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from mamba_adapters.http.openapi.answers import Problem
from mamba_adapters.http.openapi.chunks import UiMessageChunk
from mamba_adapters.http.openapi.operations import OPERATIONS, REQUESTS, RESPONSES, Operation
from mamba_domain.messages import JsonObject

__all__ = ["openapi_document"]

_REF = "#/components/schemas/{model}"
_CONVERTOR = re.compile(r":\w+}")
_FAILURES = {
    "400": "The request is no JSON, names an unknown protocol, or asks for what the model cannot do.",
    "401": "Credentials are missing, wrong or expired.",
    "403": "The caller may not do this.",
    "404": "The model does not exist or is not available to the caller.",
    "409": "A turn runs in this chat, and the server does not replace it.",
    "413": "The request is too large.",
    "415": "The content type is not JSON.",
    "422": "The request says something that cannot be; `detail` names the places.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "502": "The model could not answer.",
    "503": "The server is busy or restarting, or the model is not available; `Retry-After` says when to come back.",
    "504": "The model took too long.",
}
_DESCRIPTION = """\
A streaming chat endpoint for AI SDK user interfaces.

A failure before any output is an HTTP status with `application/problem+json`. A failure after it ends the stream with an \
`error` chunk. Each event of an answer holds one JSON chunk in `data`; after the last one comes `data: [DONE]`.
"""


def openapi_document(
    *,
    version: str,
    paths: Sequence[str],
    has_auth: bool,
    temperature_max: float = 2.0,
    schema_names: Sequence[str] = (),
) -> JsonObject:
    """The document for the operations that are served: `paths` are the addresses of the application's routes.

    `schema_names` are those of the settings, for objects.
    """
    served = frozenset(_CONVERTOR.sub("}", path) for path in paths)
    operations: dict[str, JsonObject] = {}
    for operation in OPERATIONS:
        for number, path in enumerate(operation.paths):
            if path in served:
                described = _operation(operation, path, is_first=number == 0, has_auth=has_auth)
                operations.setdefault(path, {})[operation.method] = described
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Mamba Server",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "./", "description": "This server."}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": operations,
        "components": {"schemas": _schemas(temperature_max, schema_names)},
    }
    if has_auth:
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a JSON Web Token."},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        document["security"] = [{"bearer": []}, {"key": []}]
    return cast(JsonObject, document)


def _operation(operation: Operation, path: str, *, is_first: bool, has_auth: bool) -> JsonObject:
    described: dict[str, Any] = {
        "operationId": operation.name if is_first else f"{operation.name}_{path.strip('/').replace('/', '_')}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": {**operation.answers, **_failures(operation)},
    }
    described["operationId"] = "".join(c if c.isalnum() else "_" for c in described["operationId"])
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.bodies:
        shapes = [{"$ref": _REF.format(model=model.__name__)} for model in operation.bodies]
        content: dict[str, Any] = {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}}
        if operation.examples:
            content["examples"] = {
                name: {"summary": summary, "value": value} for name, (summary, value) in operation.examples.items()
            }
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    if has_auth and operation.is_open:
        described["security"] = []
    return described


def _must_name_a_schema(model: dict[str, Any], names: Sequence[str]) -> None:
    """There is none that could be meant without a word."""
    properties = model["properties"]
    if names:
        properties["schemaName"]["anyOf"] = [{"enum": list(names)}, {"type": "null"}]
        model["anyOf"] = [{"required": ["schema"]}, {"required": ["schemaName"]}]
        return
    in_full = next(choice for choice in properties["schema"].pop("anyOf") if choice["type"] == "object")
    properties["schema"].pop("default")
    properties["schema"].update(in_full)
    model["required"] = ["schema"]


def _failures(operation: Operation) -> dict[str, Any]:
    return {
        status: {
            "description": _FAILURES[status],
            "content": {operation.failure_type: {"schema": {"$ref": _REF.format(model=operation.failure.__name__)}}},
        }
        for status in operation.failures
    }


def _schemas(temperature_max: float, schema_names: Sequence[str]) -> dict[str, Any]:
    _, requests = models_json_schema([(model, "validation") for model in REQUESTS], ref_template=_REF)
    for model in requests["$defs"].values():
        for choice in model.get("properties", {}).get("temperature", {}).get("anyOf", ()):
            if choice["type"] == "number":
                choice["maximum"] = temperature_max
    if len(schema_names) != 1:
        _must_name_a_schema(requests["$defs"]["ObjectBody"], schema_names)
    given: tuple[type[BaseModel], ...] = (*RESPONSES, Problem)
    _, answers = models_json_schema([(model, "serialization") for model in given], ref_template=_REF)
    chunk = TypeAdapter[Any](UiMessageChunk).json_schema(ref_template=_REF)
    parts = chunk.pop("$defs")
    chunk["title"] = "UiMessageChunk"
    found = {**requests["$defs"], **answers["$defs"], **parts, "UiMessageChunk": chunk}
    return dict(sorted(found.items()))
