"""Long answers are given from the outside: when the layers around their handler have returned, and let go of all they held.

A dozen frames and closures would otherwise stay for as long as a stream lasts, and each of its frames pass through them.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Scope

__all__ = ["hand_over", "take_over"]

_KEY = "handed_over"


def hand_over(scope: Scope, answer: ASGIApp) -> None:
    """Have the outer layer give this answer."""
    scope["state"][_KEY] = answer


def take_over(scope: Scope) -> ASGIApp | None:
    """The answer that is still to be given, if any."""
    answer: ASGIApp | None = scope["state"].pop(_KEY, None)
    return answer
