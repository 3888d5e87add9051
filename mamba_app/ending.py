"""The end of a process that waits for nobody: not for its threads, and not for a reader of what it says."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

__all__ = ["end_process"]


def end_process(status: int) -> NoReturn:
    """End at once. What cannot be written any more is lost."""
    try:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(status)
