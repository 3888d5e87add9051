"""What a part of an address may hold."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor

__all__ = ["ANY"]

ANY = "any"
"""Any text, in a route's path. Starlette's own `path` is not matched by a line feed: a name that nobody knows would become an
address that nobody knows, and be answered in another way.
"""


class _Any(PathConvertor):
    regex = "(?s:.*)"


register_url_convertor(ANY, _Any())
