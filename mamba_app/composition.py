"""The inventory: every adapter is named here once, in dependency order, and handed to whoever needs it.

`compose` takes each port as a keyword; what is not given is chosen by the settings. Tests call it with fakes and get the
whole application.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING

from starlette.routing import Route
from starlette.types import ASGIApp

from mamba_adapters.approvals.keyring import Keyring
from mamba_adapters.approvals.seals import HmacSeals
from mamba_adapters.approvals.signed import SignedApprovals
from mamba_adapters.approvals.tickets import MemoryTickets
from mamba_adapters.config.settings import Settings
from mamba_adapters.http.agui_routes import AgUiRoutes
from mamba_adapters.http.app import build_app
from mamba_adapters.http.chat_routes import ChatRoutes
from mamba_adapters.http.completion_routes import CompletionRoutes
from mamba_adapters.http.cross_origin import CrossOrigin
from mamba_adapters.http.delivery import Delivery
from mamba_adapters.http.docs_pages import DocsPages
from mamba_adapters.http.info_routes import InfoRoutes
from mamba_adapters.http.intake import Intake
from mamba_adapters.http.negotiation import AI_SDK, AI_SDK_V4, TEXT, Wires, default_release
from mamba_adapters.http.object_routes import ObjectRoutes
from mamba_adapters.http.openai_routes import OpenAiRoutes
from mamba_adapters.http.pages import PlaygroundRoutes
from mamba_adapters.http.selftest_route import SelfTestRoute
from mamba_adapters.http.title_routes import TitleRoutes
from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_adapters.http.wire.ai_sdk_v4 import AiSdkV4Encoder
from mamba_adapters.http.wire.codec import WireFactory
from mamba_adapters.http.wire.text import TextEncoder
from mamba_adapters.http.wire.ui_messages import ReadLimits
from mamba_adapters.tools.discovery import announced_tools, named_tools
from mamba_adapters.tools.display import DISPLAY_TOOLS
from mamba_adapters.tools.registry import Registry
from mamba_app.access import Access, Limited, access, limited_admission
from mamba_app.providers import given_model, providers
from mamba_app.storage import Storage, storage
from mamba_app.supervisor import Supervisor
from mamba_app.telemetry import telemetry
from mamba_domain.catalog import ModelCard, ModelCatalog
from mamba_domain.chat import Chat, ChatPolicy, OnDisconnect, Streams, WhenBusy
from mamba_domain.messages import JsonObject
from mamba_domain.ports.admission import Admission
from mamba_domain.ports.approval_desk import ApprovalDesk
from mamba_domain.ports.authenticator import Authenticator
from mamba_domain.ports.chat_model import ChatModel
from mamba_domain.ports.health import HealthProbe, Readiness
from mamba_domain.ports.observer import TurnObserver
from mamba_domain.ports.tool import Tool, ToolSource
from mamba_domain.ports.tool_registry import ToolRegistry
from mamba_domain.turn import TurnLimits

if TYPE_CHECKING:
    from mamba_adapters.mcp.servers import McpServers

__all__ = ["WIRES", "Application", "compose", "offered_tools"]


WIRES: Mapping[str, WireFactory] = MappingProxyType(
    {
        AI_SDK: AiSdkEncoder,
        AI_SDK_V4: AiSdkV4Encoder,
        TEXT: TextEncoder,
    }
)
"""The wires of the chat and completion routes, by the name that `?protocol=` knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The assembled service, and the handles that the process around it needs."""

    asgi: ASGIApp
    chat: Chat
    readiness: Readiness
    supervisor: Supervisor
    cross_origin: CrossOrigin
    """For what is refused before it is a request: `asgi` sees to all else."""
    warm_up: Callable[[], None]
    """Does what takes some time and need not be done before the first probe; without it, the first turn waits for it. Any
    thread may call it.
    """


def compose(
    settings: Settings,
    *,
    model_for: Callable[[ModelCard], ChatModel] | None = None,
    tools: ToolRegistry | None = None,
    approvals: ApprovalDesk | None = None,
    streams: Streams | None = None,
    observer: TurnObserver | None = None,
    probes: Sequence[HealthProbe] | None = None,
    authenticator: Authenticator | None = None,
    admission: Admission | None = None,
    wires: Mapping[str, WireFactory] = WIRES,
) -> Application:
    """Put the service together. Nothing is connected before the application's start-up."""
    release = version("mamba-server")
    readiness = Readiness()
    keyring = _keyring(settings)
    mcp = _mcp_servers(settings)
    catalog = _catalog(settings)
    tools = tools or offered_tools(settings, sources=(mcp,) if mcp is not None else ())
    measures = telemetry(
        settings,
        models=[entry.id for entry in settings.offered],
        is_tool=lambda name: tools.find(name) is not None,
        version=release,
    )
    supervisor = Supervisor(measures.turn_log)
    models = (
        providers(
            settings,
            observer=measures.metrics,
            outgoing_headers=measures.outgoing_headers,
            stood_in=measures.model_stood_in,
        )
        if model_for is None
        else given_model(model_for)
    )
    limits = limited_admission(settings) if admission is None else Limited(admission=admission)
    entrance = access(settings.auth) if authenticator is None else Access(authenticator=authenticator)
    store = storage(settings, observer=measures.metrics) if streams is None else Storage(streams=streams)
    chat = Chat(
        catalog=catalog,
        model_for=models.model_for,
        tools=tools,
        approvals=approvals
        or SignedApprovals(keyring=keyring, tickets=MemoryTickets(), lifetime=settings.tools.approval_lifetime),
        seals=HmacSeals(keyring=keyring),
        streams=store.streams,
        admission=limits.admission,
        background=supervisor,
        observer=observer or measures.observer,
        new_stream_id=lambda: secrets.token_urlsafe(18),
        limits=TurnLimits(
            max_steps=settings.chat.max_steps,
            idle_timeout=settings.chat.idle_timeout,
            total_timeout=settings.chat.total_timeout,
        ),
        policy=ChatPolicy(
            system_prompt=settings.chat.system_prompt,
            client_system_messages=settings.chat.client_system_messages,
            max_output_tokens=settings.chat.max_output_tokens,
            on_disconnect=OnDisconnect(settings.streams.on_disconnect),
            linger_seconds=settings.streams.linger_seconds,
            when_busy=WhenBusy(settings.chat.when_busy),
        ),
    )
    known_wires = Wires(by_name=wires, release=default_release(settings.streams.ui_profile))
    intake = Intake(
        chat,
        catalog=catalog,
        delivery=Delivery(
            commit_after=settings.chat.commit_after,
            keep_alive=settings.streams.keep_alive_seconds,
            merge=settings.streams.merge_ms / 1000,
            send_timeout=settings.streams.send_timeout,
        ),
        limits=ReadLimits(
            max_messages=settings.chat.max_messages,
            max_parts=settings.chat.max_parts,
            max_text_chars=settings.chat.max_text_chars,
            max_file_bytes=settings.chat.max_file_bytes,
            temperature_max=settings.chat.temperature_max,
        ),
        admission=limits.admission,
        max_body_bytes=settings.server.max_body_bytes,
    )
    schemas = {entry.name: entry.json_schema for entry in settings.objects.schemas}
    title_routes = TitleRoutes(
        catalog,
        model_for=models.model_for,
        admission=limits.admission,
        title_model=settings.chat.title_model,
        timeout=settings.chat.title_timeout,
        max_body_bytes=settings.server.max_body_bytes,
    )
    info_routes = InfoRoutes(
        catalog,
        probes=tuple(probes if probes is not None else (*models.probes, *store.probes)),
        readiness=readiness,
        version=release,
    )

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for connection in measures.connections:
                await stack.enter_async_context(connection)
            stack.push_async_callback(models.close)
            for connection in (*store.connections, *limits.connections):
                await stack.enter_async_context(connection)
            stack.push_async_callback(supervisor.cancel)
            stack.push_async_callback(supervisor.drain, 1.0)
            stack.callback(chat.stop_all)
            for connection in entrance.connections:
                await stack.enter_async_context(connection)
            if mcp is not None:
                await stack.enter_async_context(mcp)
            readiness.ready = True
            yield
            readiness.ready = False

    routes = [
        *ChatRoutes(intake, wires=known_wires).routes(),
        *CompletionRoutes(intake, wires=known_wires).routes(),
        *ObjectRoutes(intake, schemas=schemas).routes(),
        *OpenAiRoutes(intake, catalog=catalog).routes(),
        *AgUiRoutes(intake).routes(),
        *title_routes.routes(),
        *info_routes.routes(),
        *SelfTestRoute().routes(),
        *measures.routes(),
    ]
    pages = _api_pages(settings, routes, version=release)
    playground = PlaygroundRoutes().routes() if settings.server.playground else []
    open_routes = info_routes.probes()
    (open_routes if settings.auth.open_playground else routes).extend([*pages, *playground])
    cross_origin = CrossOrigin(
        origins=settings.cors.origins, localhost=settings.cors.localhost, credentials=settings.cors.credentials
    )
    asgi = build_app(
        routes,
        open_routes=open_routes,
        authenticator=entrance.authenticator,
        cross_origin=cross_origin,
        lifespan=lifespan,
        observer=measures.metrics,
    )
    return Application(
        asgi=measures.traced(asgi),
        chat=chat,
        readiness=readiness,
        supervisor=supervisor,
        cross_origin=cross_origin,
        warm_up=models.warm_up,
    )


def _api_pages(settings: Settings, routes: Sequence[Route], *, version: str) -> list[Route]:
    """The API's description, and the pages that show it. They describe the routes that are served."""
    if not settings.server.docs:
        return []
    paths = [*(route.path for route in routes), "/health/live", "/health/ready"]

    def document() -> JsonObject:
        from mamba_adapters.http.openapi.document import openapi_document

        return openapi_document(
            version=version,
            paths=paths,
            has_auth=settings.auth.mode != "none",
            temperature_max=settings.chat.temperature_max,
            schema_names=tuple(entry.name for entry in settings.objects.schemas),
        )

    return DocsPages(document).routes()


def _keyring(settings: Settings) -> Keyring:
    """What signs approvals and seals; without secrets in the settings, a secret of this process that ends with it."""
    given = [secret.get_secret_value() for secret in settings.tools.secrets]
    return Keyring(given or [secrets.token_urlsafe(32)], setting="tools.secrets")


def offered_tools(settings: Settings, *, sources: Sequence[ToolSource] = ()) -> Registry:
    """The registry that the settings describe. Raises `Misconfigured` for tools that cannot be loaded."""
    brought: dict[str, Sequence[Tool]] = {"tools.display": DISPLAY_TOOLS if settings.tools.display else ()}
    if settings.tools.entry_points:
        brought["tools.entry_points"] = announced_tools(setting="tools.entry_points")
    for path in settings.tools.functions:
        brought[f"tools.functions {path}"] = named_tools(path, setting="tools.functions")
    if settings.tools.client:
        brought["tools.client"] = _client_tools(settings)
    return Registry(
        tools=brought,
        sources=sources,
        scopes=settings.tools.scopes,
        approval=settings.tools.approval,
        timeout=settings.tools.timeout,
        max_output_bytes=settings.tools.max_output_bytes,
    )


def _client_tools(settings: Settings) -> Sequence[Tool]:
    from mamba_adapters.tools.client import ClientTool

    return [
        ClientTool(
            name=entry.name,
            description=entry.description,
            input_schema=entry.input_schema,
            setting=f"tools.client {entry.name}",
        )
        for entry in settings.tools.client
    ]


def _mcp_servers(settings: Settings) -> McpServers | None:
    if not settings.tools.mcp:
        return None
    from mamba_adapters.mcp.connection import McpServer
    from mamba_adapters.mcp.servers import McpServers

    servers = [
        McpServer(
            name=entry.name,
            url=entry.url,
            headers={name: value.get_secret_value() for name, value in entry.headers.items()},
            command=entry.command,
            arguments=entry.arguments,
            environment={name: value.get_secret_value() for name, value in entry.environment.items()},
            approval=entry.approval,
        )
        for entry in settings.tools.mcp
    ]
    return McpServers(servers)


def _catalog(settings: Settings) -> ModelCatalog:
    cards = [
        ModelCard(
            id=entry.id,
            upstream_model=entry.upstream_model or entry.id,
            provider=entry.provider,
            name=entry.name or entry.id,
            description=entry.description,
            context_window=entry.context_window,
            supports_tools=entry.supports_tools,
        )
        for entry in settings.offered
    ]
    return ModelCatalog(cards, open_models=settings.chat.open_models)
