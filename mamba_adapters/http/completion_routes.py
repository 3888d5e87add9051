"""The completion routes: one prompt, one answer in words, for `useCompletion`.

`useCompletion` of AI SDK 5 to 7 reads the UI message stream, that of 4 the data stream, and both plain text where the page
asks for it. Their requests are the same, so that release 4 has to be named: by `?protocol=ai-sdk-v4` or `X-Mamba-UI: 4`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import Invalid, Problem
from mamba_adapters.http.intake import Intake
from mamba_adapters.http.negotiation import Wires, negotiate
from mamba_domain.messages import JsonObject

__all__ = ["COMPLETION_PATHS", "CompletionRoutes"]

COMPLETION_PATHS = ("/completion", "/api/completion")
_TAKEN = ("model", "modelId", "temperature", "max_tokens", "maxTokens", "maxOutputTokens", "max_completion_tokens")


class CompletionRoutes:
    """Handlers for `useCompletion`."""

    def __init__(self, intake: Intake, *, wires: Wires) -> None:
        self._intake = intake
        self._wires = wires

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [Route(path, self.post_completion, methods=["POST"]) for path in COMPLETION_PATHS]

    async def post_completion(self, request: Request) -> Response:
        """Answer a prompt, without tools."""
        body = await self._intake.json_object(request)
        wire = negotiate(request.headers, request.query_params, wires=self._wires)
        return await self._intake.run(self._intake.read(request, _as_chat(body)), wire.encoder())


def _as_chat(body: JsonObject) -> JsonObject:
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise Invalid((Problem(pointer="/prompt", reason="must be a text"),))
    taken = {name: body[name] for name in _TAKEN if name in body}
    return {**taken, "messages": [{"role": "user", "content": prompt}], "tools": []}
