"""Swagger UI at `/docs`, ReDoc at `/redoc`, and the document that both show at `/openapi.json`.

The pages load nothing from anywhere else and hold no script or style of their own, so that a strict policy can say so. ReDoc
writes style elements while it runs, hence its one exception. Their scripts are fetched when the package is built
(`api_pages/fetch.py`); a page whose script is not there says so.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mamba_domain.messages import JsonObject

__all__ = ["ASSETS", "DocsPages"]

ASSETS: Final = Path(__file__).parent / "static" / "api_pages"
"""Where `api_pages/fetch.py` puts the scripts."""

_SWAGGER_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REDOC_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
_SWAGGER: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mamba Server: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/swagger-start.js"></script>
"""
_REDOC: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mamba Server: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/redoc.css">
<div id="page"></div>
<script src="docs/redoc.standalone.js"></script>
<script src="docs/redoc-start.js"></script>
"""
_MISSING: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mamba Server: API</title>
<h1>This page's script is not there</h1>
<p>In a checkout of the repository, run <code>make api-pages</code>, which needs npm's registry, and load this page again.
A released package has it inside.</p>
<p>The description itself is there: <a href="openapi.json">/openapi.json</a>.</p>
"""
_STARTERS: Final = MappingProxyType(
    {
        "swagger-start.js": (
            'SwaggerUIBundle({ url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });\n'
        ),
        "redoc-start.js": 'Redoc.init("openapi.json", { hideLoading: true }, document.getElementById("page"));\n',
        "redoc.css": "body { margin: 0; padding: 0; }\n",
    }
)


@dataclass(frozen=True, slots=True)
class _Asset:
    plain: bytes
    packed: bytes | None
    media_type: str
    tag: str


class DocsPages:
    """The handlers. `document` is called once, when somebody first wants it; `assets` is read once, too."""

    def __init__(self, document: Callable[[], JsonObject], *, assets: Path = ASSETS) -> None:
        self._document = functools.cache(lambda: orjson.dumps(document()))
        self._assets = functools.cache(lambda: _read(assets))

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [
            Route("/openapi.json", self.openapi, include_in_schema=False),
            Route("/docs", self.swagger, include_in_schema=False),
            Route("/docs/{name}", self.asset, include_in_schema=False),
            Route("/redoc", self.redoc, include_in_schema=False),
        ]

    async def openapi(self, request: Request) -> Response:
        """The OpenAPI 3.1 document."""
        return Response(self._document(), headers={"cache-control": "no-cache"}, media_type="application/json")

    async def swagger(self, request: Request) -> Response:
        """Swagger UI: to read, and to try."""
        return self._page(_SWAGGER, _SWAGGER_POLICY, needs="swagger-ui-bundle.js")

    async def redoc(self, request: Request) -> Response:
        """ReDoc: to read."""
        return self._page(_REDOC, _REDOC_POLICY, needs="redoc.standalone.js")

    async def asset(self, request: Request) -> Response:
        """A script or a style sheet of these pages. Names are looked up, never made into a path."""
        found = self._assets().get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        headers = {"cache-control": "no-cache", "etag": found.tag, "vary": "accept-encoding"}
        if found.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if found.packed is not None and _takes_gzip(request):
            return Response(found.packed, headers={**headers, "content-encoding": "gzip"}, media_type=found.media_type)
        return Response(found.plain, headers=headers, media_type=found.media_type)

    def _page(self, page: str, policy: str, *, needs: str) -> Response:
        is_there = needs in self._assets()
        headers = {
            "cache-control": "no-cache" if is_there else "no-store",
            "content-security-policy": policy,
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "no-referrer",
        }
        return Response(page if is_there else _MISSING, 200 if is_there else 503, headers, media_type="text/html")


def _read(folder: Path) -> Mapping[str, _Asset]:
    found = {name: _asset(name, text.encode(), None) for name, text in _STARTERS.items()}
    for path in folder.glob("*"):
        if path.suffix in _TYPES:
            packed = path.with_name(path.name + ".gz")
            found[path.name] = _asset(path.name, path.read_bytes(), packed.read_bytes() if packed.is_file() else None)
    return found


def _asset(name: str, plain: bytes, packed: bytes | None) -> _Asset:
    tag = f'"{hashlib.sha256(plain).hexdigest()[:20]}"'
    return _Asset(plain, packed, _TYPES[Path(name).suffix], tag)


def _takes_gzip(request: Request) -> bool:
    codings = request.headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
    return "gzip" in codings
