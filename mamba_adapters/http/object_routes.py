"""The object routes: one JSON value by a JSON Schema, for `useObject`.

The page sends whatever it submits. The schema is the body's `schema`, else one of the settings' by name: the body's
`schemaName`, `?schema=NAME` in the address, or the only one that there is. What to fill it with is the body's `messages` or
`prompt`; any other body is itself the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_adapters.http.intake import Intake
from mamba_adapters.http.wire.json_text import dumps
from mamba_adapters.http.wire.object_text import ObjectEncoder
from mamba_domain.messages import JsonObject, JsonValue

__all__ = ["OBJECT_PATHS", "ObjectRoutes"]

OBJECT_PATHS = ("/object", "/api/object")
_OURS = frozenset({"schema", "schemaName"})


class ObjectRoutes:
    """Handlers for `useObject`. `schemas` are those of the settings, by name."""

    def __init__(self, intake: Intake, *, schemas: Mapping[str, JsonObject]) -> None:
        self._intake = intake
        self._schemas = schemas

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [Route(path, self.post_object, methods=["POST"]) for path in OBJECT_PATHS]

    async def post_object(self, request: Request) -> Response:
        """Stream one JSON value as plain text, without tools."""
        body = await self._intake.json(request)
        schema = self._schema(body, request.query_params.get("schema"))
        turn = self._intake.read(request, {**_as_chat(body), "tools": []})
        return await self._intake.run(replace(turn, response_schema=schema), ObjectEncoder())

    def _schema(self, body: JsonValue, queried: str | None) -> JsonObject:
        """The schema that the request means."""
        fields = body if isinstance(body, dict) else {}
        given = fields.get("schema")
        if isinstance(given, dict):
            return given
        if given is not None:
            raise _invalid("/schema", "must be a JSON Schema: an object")
        name = fields.get("schemaName", queried)
        if name is None and len(self._schemas) == 1:
            return next(iter(self._schemas.values()))
        schema = self._schemas.get(name) if isinstance(name, str) else None
        if schema is None:
            names = ", ".join(self._schemas) or "none"
            raise _invalid("/schemaName", f"must name a schema of this server ({names}), or send one as schema")
        return schema


def _as_chat(body: JsonValue) -> JsonObject:
    """The body as a chat request."""
    if isinstance(body, dict):
        if "messages" in body or "message" in body:
            return body
        if isinstance(prompt := body.get("prompt"), str):
            return {**body, "messages": [{"role": "user", "content": prompt}]}
        body = {name: value for name, value in body.items() if name not in _OURS}
    prompt = body if isinstance(body, str) else dumps(body).decode()
    return {"messages": [{"role": "user", "content": prompt}]}


def _invalid(pointer: str, reason: str) -> Invalid:
    return Invalid((Problem(pointer=pointer, reason=reason),))
