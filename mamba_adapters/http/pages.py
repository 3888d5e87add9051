"""The playground: the built page of `playground/` at `/`, and its assets below `/playground/`.

The page holds nothing: it asks for credentials itself, and every request that it makes carries them. Who may load it is the
settings' to say (`auth.open_playground`).
Its policy lets it load from this server and from nowhere else, and run no code but the files served here.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["BUILT_PAGE", "PlaygroundRoutes"]

BUILT_PAGE: Final = Path(__file__).parent / "static" / "playground"
"""Where `playground/build.py` puts the page."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = MappingProxyType(
    {
        "content-security-policy": _POLICY,
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "vary": "accept-encoding",
    }
)
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_PAGE: Final = "index.html"
_MISSING: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mamba Server</title>
<h1>The server runs, but its page is not built</h1>
<p>In a checkout of the repository, run <code>make playground</code> and load this page again.
It needs npm's registry and Node 20.19 or newer, which make installs where there is none.</p>
<p>The API works without the page: <a href="docs">/docs</a> describes it, and
<code>server.playground = false</code> switches the page off.</p>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of the page in its encodings, the plain one under the empty name."""

    media_type: str
    cache_control: str
    bodies: Mapping[str, bytes]
    digest: str


class PlaygroundRoutes:
    """Handlers for the page in `folder`, which is read once, when it is first asked for."""

    def __init__(self, folder: Path = BUILT_PAGE) -> None:
        self._folder = folder
        self._files: Mapping[str, _File] = {}

    def routes(self) -> list[Route]:
        """The routes, in matching order."""
        return [
            Route("/", self.page, include_in_schema=False),
            Route("/playground/{name}", self.asset, include_in_schema=False),
        ]

    async def page(self, request: Request) -> Response:
        """The page, or how to build it."""
        found = self._find(_PAGE)
        if found is None:
            return Response(_MISSING, 503, {**_HEADERS, "cache-control": "no-store"}, media_type="text/html")
        return _answer(request, found)

    async def asset(self, request: Request) -> Response:
        """A script, a style sheet, a font or a picture of the page."""
        found = self._find(f"playground/{request.path_params['name']}")
        if found is None:
            raise HTTPException(404)
        return _answer(request, found)

    def _find(self, name: str) -> _File | None:
        """A name is looked up among the files that are there, never made into a path."""
        if not self._files:
            self._files = _read(self._folder)
        return self._files.get(name)


def _read(folder: Path) -> Mapping[str, _File]:
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    if _PAGE not in names:
        return {}
    return {name: _file(name, path, names) for name, path in names.items() if path.suffix not in {".br", ".gz"}}


def _file(name: str, path: Path, names: Mapping[str, Path]) -> _File:
    plain = path.read_bytes()
    packed = {coding: names[name + end].read_bytes() for coding, end in _ENCODINGS if name + end in names}
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if path.suffix == ".js":
        media_type = "text/javascript"
    return _File(
        media_type=media_type,
        cache_control=_IMMUTABLE if _has_digest(path.stem) else "no-cache",
        bodies={"": plain, **packed},
        digest=hashlib.sha256(plain).hexdigest()[:20],
    )


def _has_digest(stem: str) -> bool:
    """Whether the bundler put a digest of eight characters behind the name: its content never changes then."""
    return len(stem) > len("-12345678") and stem[-9] == "-"


def _answer(request: Request, file: _File) -> Response:
    coding = next((coding for coding in file.bodies if coding and _takes(request, coding)), "")
    tag = f'"{file.digest}{coding and "-"}{coding}"'
    headers = {**_HEADERS, "cache-control": file.cache_control, "etag": tag}
    known = {known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    if coding:
        headers["content-encoding"] = coding
    return Response(file.bodies[coding], headers=headers, media_type=file.media_type)


def _takes(request: Request, coding: str) -> bool:
    for offered in request.headers.get("accept-encoding", "").split(","):
        name, _, parameters = offered.partition(";")
        if name.strip().lower() in {coding, "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
