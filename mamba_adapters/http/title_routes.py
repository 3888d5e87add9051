"""The title routes: a name for a conversation, or word that the page has to find one itself.

Whatever goes wrong on this side is no failure for the page: it gets 200, an empty title and `useFallback: true`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_adapters.http.bodies import Invalid, Problem, read_json_object
from mamba_adapters.http.intake import principal_of
from mamba_adapters.http.peer import peer_of
from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.errors import Rejected
from mamba_domain.identity import Principal
from mamba_domain.ports.admission import Admission
from mamba_domain.ports.chat_model import ChatModel
from mamba_domain.titles import suggest_title

__all__ = ["TITLE_PATHS", "TitleRoutes"]

TITLE_PATHS = ("/title/generate", "/generate-title")

log = structlog.stdlib.get_logger("mamba.title")


class TitleRoutes:
    """Handlers for titles. `title_model` is the id of the model that writes them, the caller's default without one.

    A title is a model call, so it counts as a turn; where there is no more for the caller, the page has to do without.
    `timeout` is in seconds, `max_body_bytes` bounds a request's body.
    """

    def __init__(
        self,
        catalog: ModelCatalog,
        *,
        model_for: Callable[[ModelCard], ChatModel],
        admission: Admission,
        title_model: str | None,
        timeout: float,
        max_body_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._model_for = model_for
        self._admission = admission
        self._title_model = title_model
        self._timeout = timeout
        self._max_body_bytes = max_body_bytes

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [Route(path, self.post_title, methods=["POST"]) for path in TITLE_PATHS]

    async def post_title(self, request: Request) -> Response:
        """Name the conversation that begins with `userMessage`."""
        body = await read_json_object(request, max_bytes=self._max_body_bytes)
        message = body.get("userMessage")
        if not isinstance(message, str):
            raise Invalid((Problem(pointer="/userMessage", reason="must be a text"),))
        title = await self._while_there(request, message)
        answer = {"title": title, "useFallback": not title}
        return Response(orjson.dumps(answer), headers={"cache-control": "no-store"}, media_type="application/json")

    async def _while_there(self, request: Request, message: str) -> str:
        """The title; nothing once the caller has left, for nobody waits for it any more."""
        suggesting = asyncio.create_task(self._suggest(principal_of(request), message), name="title")
        peer = peer_of(request.scope)

        def leave() -> None:
            suggesting.cancel()

        if peer is not None:
            peer.when_gone(leave)
        try:
            await asyncio.wait((suggesting,))
        finally:
            suggesting.cancel()
            if peer is not None:
                peer.forget(leave)
        return "" if suggesting.cancelled() else suggesting.result()

    async def _suggest(self, principal: Principal, message: str) -> str:
        try:
            card = self._catalog.resolve(self._title_model, principal)
            model = self._model_for(card)
            lease = await self._admission.admit(principal)
            return await suggest_title(
                message, model=model, upstream_model=card.upstream_model, within=self._timeout, lease=lease
            )
        except Rejected:
            return ""
        except Exception:
            log.exception("title.failed")
            return ""
