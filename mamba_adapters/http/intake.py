"""From a request to a running turn: what every route that asks a model does, whatever its wire."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from mamba_adapters.http.bodies import read_json, read_json_object
from mamba_adapters.http.delivery import Delivery, TurnResponse
from mamba_adapters.http.problems import quota_headers
from mamba_adapters.http.wire.codec import WireEncoder
from mamba_adapters.http.wire.ui_messages import ReadLimits, read_chat
from mamba_domain.catalog import ModelCatalog
from mamba_domain.chat import Chat, ChatRequest
from mamba_domain.identity import ANONYMOUS, Principal
from mamba_domain.messages import JsonObject, JsonValue
from mamba_domain.ports.admission import Admission
from mamba_domain.ports.streams import StreamId

__all__ = ["Intake", "new_message_id", "principal_of"]


def principal_of(request: Request) -> Principal:
    """The caller, as authentication found it."""
    principal = request.scope["state"].get("principal", ANONYMOUS)
    return principal if isinstance(principal, Principal) else ANONYMOUS


def new_message_id(prefix: str = "msg-") -> str:
    """An id for an answer, impossible to guess."""
    return prefix + secrets.token_hex(12)


class Intake:
    """The use case behind its limits. `max_body_bytes` bounds a request's body.

    Where there is no place for a turn, not even the body is read.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        catalog: ModelCatalog,
        delivery: Delivery,
        limits: ReadLimits,
        admission: Admission,
        max_body_bytes: int,
    ) -> None:
        self.chat = chat
        self._catalog = catalog
        self._delivery = delivery
        self._admission = admission
        self._limits = limits
        self._max_body_bytes = max_body_bytes

    async def json(self, request: Request) -> JsonValue:
        """The body, any JSON value."""
        self._admission.check()
        return await read_json(request, max_bytes=self._max_body_bytes)

    async def json_object(self, request: Request) -> JsonObject:
        """The body, a JSON object."""
        self._admission.check()
        return await read_json_object(request, max_bytes=self._max_body_bytes)

    def read(self, request: Request, body: JsonObject, *, new_id: Callable[[], str] = new_message_id) -> ChatRequest:
        """What the caller asks for; the access line will tell the model and the chat, and what was passed over."""
        principal = principal_of(request)
        read = read_chat(body, principal=principal, limits=self._limits, new_id=new_id)
        state = request.scope["state"]
        state["model"] = read.request.model_id or next((card.id for card in self._catalog.available_to(principal)), "")
        if read.request.chat_id is not None:
            state["chat_id"] = read.request.chat_id
        if read.ignored:
            state["ignored"] = read.ignored
        return read.request

    async def run(self, turn: ChatRequest, encoder: WireEncoder) -> Response:
        """Start the turn, and answer with its stream."""
        stream_id = await self.chat.start(turn)
        # The turn first, and then the task that writes its request: while the provider works, the answer is prepared here.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        response = self.follow(stream_id, encoder)
        quota = await self._admission.quota(turn.principal)
        if quota is not None:
            response.headers.update(quota_headers(quota))
        return response

    def follow(self, stream_id: StreamId, encoder: WireEncoder) -> Response:
        """Answer with a stream that is there already."""
        return TurnResponse(self.chat, stream_id, encoder, self._delivery)
