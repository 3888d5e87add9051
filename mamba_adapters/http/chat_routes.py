"""The chat routes: run a turn, follow a running one, stop it."""

from __future__ import annotations

import secrets
import string

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import read_json_object
from mamba_adapters.http.delivery import Delivery, TurnResponse
from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_adapters.http.wire.ui_messages import ReadLimits, read_chat
from mamba_domain.chat import Chat
from mamba_domain.identity import ANONYMOUS, Principal

__all__ = ["CHAT_PATHS", "ChatRoutes"]

CHAT_PATHS = ("/chat/completions", "/chat", "/api/chat")
_ID_ALPHABET = string.ascii_letters + string.digits


class ChatRoutes:
    """Handlers over the `Chat` use case. `max_body_bytes` bounds a request's body."""

    def __init__(self, chat: Chat, *, delivery: Delivery, limits: ReadLimits, max_body_bytes: int) -> None:
        self._chat = chat
        self._delivery = delivery
        self._limits = limits
        self._max_body_bytes = max_body_bytes

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        found = [Route(path, self.post_chat, methods=["POST"]) for path in CHAT_PATHS]
        for path in CHAT_PATHS:
            found.append(Route(f"{path}/{{chat_id}}/stream", self.get_stream, methods=["GET"]))
            found.append(Route(f"{path}/{{chat_id}}/stop", self.post_stop, methods=["POST"]))
        return found

    async def post_chat(self, request: Request) -> Response:
        """Run one turn and stream it."""
        body = await read_json_object(request, max_bytes=self._max_body_bytes)
        read = read_chat(body, principal=_principal(request), limits=self._limits, new_id=_new_message_id)
        state = request.scope["state"]
        state["model"] = read.request.model_id or "default"
        if read.ignored:
            state["ignored"] = read.ignored
        stream_id = self._chat.start(read.request)
        return TurnResponse(self._chat, stream_id, AiSdkEncoder(), self._delivery)

    async def get_stream(self, request: Request) -> Response:
        """Follow the chat's running turn from its first event; 204 when there is none."""
        stream_id = await self._chat.running(request.path_params["chat_id"], _principal(request))
        if stream_id is None:
            return Response(status_code=204)
        return TurnResponse(self._chat, stream_id, AiSdkEncoder(replay=True), self._delivery)

    async def post_stop(self, request: Request) -> Response:
        """Stop the chat's running turn, if any."""
        await self._chat.stop(request.path_params["chat_id"], _principal(request))
        return Response(status_code=204)


def _principal(request: Request) -> Principal:
    principal = request.scope["state"].get("principal", ANONYMOUS)
    return principal if isinstance(principal, Principal) else ANONYMOUS


def _new_message_id() -> str:
    return "msg-" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(24))
