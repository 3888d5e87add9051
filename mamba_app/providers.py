"""Makes the models that the settings name: one connection each where several have one in common, and their fallbacks."""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mamba_adapters.config.settings import ModelEntry, Settings
from mamba_domain.catalog import ModelCard
from mamba_domain.errors import Misconfigured
from mamba_domain.ports.chat_model import ChatModel
from mamba_domain.ports.health import HealthProbe
from mamba_domain.ports.upkeep import EndpointObserver

if TYPE_CHECKING:
    from mamba_adapters.openai.client import Client
    from mamba_adapters.openai.endpoint import Endpoint

__all__ = ["Connection", "Providers", "given_model", "providers"]


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to a provider, and the models that are reached through it."""

    endpoint: Endpoint
    entries: tuple[ModelEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """What answers turns, how to ask after its health, and how to let go of it."""

    model_for: Callable[[ModelCard], ChatModel]
    probes: tuple[HealthProbe, ...] = ()
    connections: tuple[Connection, ...] = ()
    close: Callable[[], Awaitable[None]]
    warm_up: Callable[[], None] = lambda: None
    """Does at once what the first turn would have to wait for; takes some 0.3 s of processor time, in any thread."""


def given_model(model_for: Callable[[ModelCard], ChatModel]) -> Providers:
    """Models that somebody else made and will close."""

    async def close() -> None:
        """There is nothing of ours."""

    return Providers(model_for=model_for, close=close)


def providers(
    settings: Settings,
    *,
    env: Mapping[str, str] = os.environ,
    observer: EndpointObserver | None = None,
    outgoing_headers: Callable[[], Mapping[str, str]] | None = None,
    stood_in: Callable[[str, str], None] = lambda model, by: None,
) -> Providers:
    """The models on offer. Raises `Misconfigured` for one that cannot be made; nothing is connected yet.

    A model that is not listed, where those are let through, is asked of the first one's provider. `stood_in` is told the
    ids of a model and of its fallback whenever the latter begins to answer.
    """
    workshop = _Workshop(settings, env, observer, outgoing_headers)
    entries = settings.offered
    plain = {entry.qualified_id: workshop.model(entry) for entry in entries}
    models = {entry.qualified_id: _with_fallbacks(entry, settings, plain, stood_in) for entry in entries}
    default = plain[entries[0].qualified_id]
    return Providers(
        model_for=lambda card: models.get(card.qualified_id, default),
        probes=workshop.probes(),
        connections=workshop.connections(),
        close=workshop.close,
        warm_up=workshop.warm_up,
    )


@dataclass
class _Workshop:
    """Makes each connection and each model of a factory once."""

    settings: Settings
    env: Mapping[str, str]
    observer: EndpointObserver | None = None
    outgoing_headers: Callable[[], Mapping[str, str]] | None = None
    endpoints: dict[tuple[str, str | None, str | None], Endpoint] = field(default_factory=dict)
    users: dict[str, list[ModelEntry]] = field(default_factory=dict)
    made: dict[str, ChatModel] = field(default_factory=dict)

    def model(self, entry: ModelEntry) -> ChatModel:
        adapter = entry.adapter or self.settings.model.adapter
        if adapter.startswith("openai-"):
            return self._openai_model(entry, adapter)
        if adapter not in self.made:
            self.made[adapter] = _demo() if adapter == "demo" else _made_by(adapter)
        return self.made[adapter]

    def probes(self) -> tuple[HealthProbe, ...]:
        if not self.endpoints:
            return ()
        from mamba_adapters.openai.health import EndpointProbe

        return tuple(EndpointProbe(endpoint) for endpoint in self.endpoints.values())

    def connections(self) -> tuple[Connection, ...]:
        return tuple(Connection(it, tuple(self.users[it.name])) for it in self.endpoints.values())

    def warm_up(self) -> None:
        if self.endpoints:
            importlib.import_module("mamba_adapters.openai.client")

    async def close(self) -> None:
        for endpoint in self.endpoints.values():
            await endpoint.aclose()

    def _openai_model(self, entry: ModelEntry, adapter: str) -> ChatModel:
        from mamba_adapters.openai.chat_completions import ChatCompletionsModel
        from mamba_adapters.openai.responses import ResponsesModel
        from mamba_adapters.openai.retry import RetryPolicy

        endpoint = self._endpoint(entry)
        self.users.setdefault(endpoint.name, []).append(entry)
        # Where another model can answer at once, a long wait for this one helps nobody.
        patience = {"longest_wait": 2.0} if entry.fallback else {}
        openai = self.settings.openai
        retry = RetryPolicy(max_attempts=openai.max_attempts, base=openai.retry_wait, **patience)
        if adapter == "openai-chat":
            return ChatCompletionsModel(endpoint, retry=retry, reasoning_effort=entry.reasoning_effort)
        return ResponsesModel(
            endpoint,
            retry=retry,
            is_reasoning=entry.is_reasoning,
            reasoning_effort=entry.reasoning_effort,
            reasoning_summary=entry.reasoning_summary,
        )

    def _endpoint(self, entry: ModelEntry) -> Endpoint:
        """The connection of an entry. The key of `openai` goes nowhere else."""
        from mamba_adapters.openai.endpoint import Endpoint

        openai = self.settings.openai
        if entry.has_own_connection:
            place = (entry.base_url or openai.base_url, self._key_of(entry), entry.api_version)
        elif openai.api_key is not None:
            place = (openai.base_url, openai.api_key.get_secret_value(), openai.api_version)
        else:
            raise Misconfigured("openai.api_key", f"required by the model {entry.id}")
        if place not in self.endpoints:
            base_url, api_key, api_version = place

            def new_client() -> Client:
                from mamba_adapters.openai.client import new_client

                return new_client(
                    api_key=api_key,
                    base_url=base_url,
                    api_version=api_version,
                    connect_timeout=openai.connect_timeout,
                )

            self.endpoints[place] = Endpoint(
                new_client,
                name=self._new_name(entry),
                first_event_timeout=openai.first_event_timeout,
                idle_timeout=self.settings.chat.idle_timeout,
                observer=self.observer,
                outgoing_headers=self.outgoing_headers,
            )
        return self.endpoints[place]

    def _key_of(self, entry: ModelEntry) -> str | None:
        if entry.api_key_env is not None:
            key = self.env.get(entry.api_key_env)
            if not key:
                raise Misconfigured("models", f"{entry.id}: the variable {entry.api_key_env} is not set")
            return key
        return entry.api_key.get_secret_value() if entry.api_key is not None else None

    def _new_name(self, entry: ModelEntry) -> str:
        """What the connection is called in the log and in health: after the provider, numbered from the second on."""
        taken = {endpoint.name for endpoint in self.endpoints.values()}
        names = (entry.provider if n == 1 else f"{entry.provider}-{n}" for n in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)


def _with_fallbacks(
    entry: ModelEntry, settings: Settings, plain: Mapping[str, ChatModel], stood_in: Callable[[str, str], None]
) -> ChatModel:
    model = plain[entry.qualified_id]
    if not entry.fallback:
        return model
    from mamba_adapters.fallback.chat_model import Fallback, FallbackModel

    others = [settings.entry(name) for name in entry.fallback]
    return FallbackModel(
        model,
        [
            Fallback(
                id=other.id,
                model=plain[other.qualified_id],
                upstream_model=other.upstream_model or other.id,
                supports_tools=other.supports_tools,
            )
            for other in others
        ],
        stood_in=partial(stood_in, entry.id),
    )


def _demo() -> ChatModel:
    from mamba_adapters.demo.chat_model import DemoModel

    return DemoModel()


def _made_by(path: str) -> ChatModel:
    """The model that a factory named by `package.module:name` makes."""
    module_name, _, attribute = path.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise Misconfigured("model.adapter", f"{path} cannot be imported") from error
    model: ChatModel = factory()
    return model
