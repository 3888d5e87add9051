"""The chat routes: run a turn, follow a running one, stop it."""

from __future__ import annotations

from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.convertors import ANY
from mamba_adapters.http.idempotency import request_key
from mamba_adapters.http.intake import Intake, principal_of
from mamba_adapters.http.negotiation import AI_SDK_V4, Negotiated, Wires, negotiate
from mamba_adapters.http.wire.generations import proven_generation

__all__ = ["CHAT_PATHS", "ChatRoutes"]

CHAT_PATHS = ("/chat/completions", "/chat", "/api/chat")


class ChatRoutes:
    """Handlers for `useChat`, and for whoever sends the simple shape."""

    def __init__(self, intake: Intake, *, wires: Wires) -> None:
        self._intake = intake
        self._chat = intake.chat
        self._wires = wires

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        found = [Route(path, self.post_chat, methods=["POST"]) for path in CHAT_PATHS]
        for path in CHAT_PATHS:
            found.append(Route(path, self.get_chat, methods=["GET"], include_in_schema=False))
            found.append(Route(f"{path}/{{chat_id:{ANY}}}/stream", self.get_stream, methods=["GET"]))
            found.append(Route(f"{path}/{{chat_id:{ANY}}}/stop", self.post_stop, methods=["POST"]))
        return found

    async def post_chat(self, request: Request) -> Response:
        """Run one turn and stream it."""
        body = await self._intake.json_object(request)
        query = request.query_params if request.scope["query_string"] else {}
        wire = negotiate(request.headers, query, wires=self._wires, generation=proven_generation(body))
        name = request_key(request.headers, body, principal_of(request))
        turn = self._intake.read(request, body)
        if name is not None:
            turn = replace(turn, request_key=name)
        return await self._intake.run(turn, wire.encoder())

    async def get_stream(self, request: Request) -> Response:
        """Follow the chat's running turn from its first event; 204 when there is none."""
        wire = negotiate(request.headers, request.query_params, wires=self._wires)
        return await self._follow(request, request.path_params["chat_id"], wire)

    async def get_chat(self, request: Request) -> Response:
        """The way in which AI SDK 4 asks for a running turn: `?chatId=ID`."""
        chat_id = request.query_params.get("chatId")
        if chat_id is None:
            raise HTTPException(405, headers={"allow": "POST"})
        wire = negotiate(request.headers, request.query_params, wires=self._wires, generation=4)
        return await self._follow(request, chat_id, wire)

    async def post_stop(self, request: Request) -> Response:
        """Stop the chat's running turn, if any."""
        await self._chat.stop(request.path_params["chat_id"], principal_of(request))
        return Response(status_code=204)

    async def _follow(self, request: Request, chat_id: str, wire: Negotiated) -> Response:
        stream_id = await self._chat.resumable(chat_id, principal_of(request))
        if stream_id is not None:
            return self._intake.follow(stream_id, wire.encoder(replay=True))
        if wire.protocol == AI_SDK_V4:
            # Release 4 takes a 204 for an error, and an empty answer for nothing to resume.
            return Response(media_type="text/plain")
        return Response(status_code=204)
