"""`/metrics`, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["MetricsRoute"]


class MetricsRoute:
    """The handler; `render` gives the text and its content type."""

    def __init__(self, render: Callable[[], tuple[bytes, str]]) -> None:
        self._render = render

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/metrics", self.metrics)]

    async def metrics(self, request: Request) -> Response:
        """All metrics, of all worker processes."""
        text, content_type = self._render()
        return Response(text, headers={"cache-control": "no-store", "content-type": content_type})
