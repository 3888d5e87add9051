"""What settings that are valid one by one still lack together, and what of them is of no use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mamba_adapters.config.settings import ModelEntry, Settings

__all__ = ["Lack", "lacks", "notes_on"]


@dataclass(frozen=True, slots=True)
class Lack:
    """A key that has to be set because of the value of another key."""

    key: str
    because: str
    reason: str


def lacks(settings: Settings, env: Mapping[str, str]) -> Iterator[Lack]:
    """The keys without which the server cannot start."""
    adapters = {_adapter(entry, settings) for entry in settings.offered if not entry.has_own_connection}
    adapter = next((adapter for adapter in sorted(adapters) if adapter.startswith("openai-")), None)
    if adapter is not None and settings.openai.api_key is None:
        yield Lack(
            key="openai.api_key",
            because="model.adapter",
            reason=f'required by model.adapter = "{adapter}"; set OPENAI_API_KEY or MAMBA_OPENAI__API_KEY, '
            'or write it to .secrets.toml; model.adapter = "demo" needs none',
        )
    if settings.streams.adapter == "redis" and settings.redis.url is None:
        yield Lack(key="redis.url", because="streams.adapter", reason='required by streams.adapter = "redis"')
    if (
        settings.streams.adapter == "memory"
        and settings.server.workers > 1
        and settings.streams.on_disconnect != "cancel"
    ):
        yield Lack(
            key="streams.adapter",
            because="server.workers",
            reason='must be "redis" where server.workers is more than 1 and streams.on_disconnect is not "cancel": '
            "a reader who comes back may meet another process",
        )
    title_model = settings.chat.title_model
    ids = {name for entry in settings.offered for name in (entry.id, entry.qualified_id)}
    if title_model is not None and title_model not in ids and not settings.chat.open_models:
        yield Lack(key="chat.title_model", because="models", reason="is not the id of a model on offer")
    for place, entry in enumerate(settings.models):
        if entry.api_key_env is not None and not env.get(entry.api_key_env):
            yield Lack(
                key=f"models[{place}].api_key_env",
                because="models",
                reason="names a variable that is not set",
            )


def _adapter(entry: ModelEntry, settings: Settings) -> str:
    return entry.adapter or settings.model.adapter


def notes_on(settings: Settings) -> Iterator[str]:
    """What an operator may have meant otherwise."""
    if settings.server.workers > 1 and settings.streams.adapter == "memory":
        yield (
            "server.workers is more than 1 and streams.adapter is memory: following, stopping and replaying an answer "
            "only work where the request meets the process that runs it"
        )
    if settings.server.drain_delay > settings.server.grace:
        yield "server.drain_delay is longer than server.grace: running turns are cut when the listener closes"
    if settings.auth.mode == "none":
        for name in ("api_key", "api_keys", "jwt_secret", "jwt_key_file", "jwks_url", "issuer"):
            if getattr(settings.auth, name):
                yield f'auth.{name} is set but not used: auth.mode = "none" lets everybody in'
    if "*" in settings.cors.origins and settings.auth.mode == "none":
        yield 'cors.origins = ["*"] with auth.mode = "none": any page that its visitor opens can use the model'
