"""One log pipeline for everything: our events, uvicorn's and the libraries', as one JSON object a line.

On a terminal the same events are drawn for people. Secrets are masked (see `redaction`); the libraries that would log chunks
or URLs at their own DEBUG or INFO level are kept quiet.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Literal

import structlog

from mamba_adapters.telemetry.drawing import json_line, show_hidden, show_traceback
from mamba_adapters.telemetry.log_output import log_output
from mamba_adapters.telemetry.redaction import line_masker, mask_fields

__all__ = ["configure_logging"]

_QUIET: dict[str, int] = {
    "sse_starlette": logging.INFO,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "openai": logging.INFO,
    "aiohttp": logging.INFO,
    "uvicorn.access": logging.CRITICAL,
}


def configure_logging(*, level: str, style: Literal["auto", "json", "console"], secrets: Iterable[str] = ()) -> None:
    """Send every record to standard output, without these secrets.

    `auto` draws for people on a terminal and writes JSON elsewhere.
    """
    console = style == "console" or (style == "auto" and sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _without_color_message,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_fields,
    ]
    renderer: list[structlog.typing.Processor] = (
        [
            show_hidden,
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=show_traceback),
        ]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=json_line)]
    )
    formatter = _MaskingFormatter(
        line_masker(secrets),
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(log_output(sys.stdout))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Draws a record, and masks the finished line: what a traceback quotes is no field."""

    def __init__(self, mask: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return self._mask(super().format(record))


def _without_color_message(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what uvicorn says a second time, in colour."""
    event.pop("color_message", None)
    return event
