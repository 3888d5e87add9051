"""The application for other ASGI servers: `uvicorn mamba_app.asgi:create_app --factory`.

`mamba-server serve` is the way to run it: it adds the drain order and the watch over connections that this cannot.
"""

from __future__ import annotations

from starlette.types import ASGIApp

__all__ = ["create_app"]


def create_app() -> ASGIApp:
    """Load the settings and put the application together. Raises `ConfigurationError` with every problem."""
    from mamba_adapters.config.load import load
    from mamba_adapters.config.secrets import secret_values
    from mamba_adapters.telemetry.logging import configure_logging
    from mamba_app.composition import compose

    settings = load().settings
    configure_logging(level=settings.logging.level, style=settings.logging.format, secrets=secret_values(settings))
    application = compose(settings)
    application.warm_up()
    return application.asgi
