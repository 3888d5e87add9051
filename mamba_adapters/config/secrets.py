"""Which texts of the settings are secret: what a log must never hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from mamba_adapters.config.settings import Settings

__all__ = ["secret_values"]


def secret_values(settings: Settings, env: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Every secret that is set, those of variables that the settings name included."""
    yield from _secrets(settings)
    if settings.redis.url is not None and (password := urlsplit(settings.redis.url.get_secret_value()).password):
        yield from {password, unquote(password)}
    for entry in settings.models:
        if entry.api_key_env is not None and (key := env.get(entry.api_key_env)):
            yield key


def _secrets(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case dict():
            for item in value.values():
                yield from _secrets(item)
        case list() | tuple():
            for item in value:
                yield from _secrets(item)
