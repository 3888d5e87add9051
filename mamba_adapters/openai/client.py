"""Makes the one `AsyncOpenAI` client that an endpoint's turns share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["new_client"]


def new_client(*, api_key: str, base_url: str, connect_timeout: float = 5.0) -> AsyncOpenAI:
    """A client that does nothing of its own accord.

    It neither retries (one layer does that, `retry`) nor follows redirects (a redirect would carry the prompt elsewhere),
    and it sends no organisation, project or platform headers that happen to be in the environment.
    """
    import httpx2
    from openai import AsyncOpenAI, Omit

    from mamba_adapters.openai.transport import AiohttpTransport

    client = httpx2.AsyncClient(
        transport=AiohttpTransport(connect_timeout=connect_timeout),
        timeout=None,
        follow_redirects=False,
        trust_env=False,
    )
    headers: dict[str, Any] = {name: Omit() for name in ("OpenAI-Organization", "OpenAI-Project", *_PLATFORM_HEADERS)}
    headers["User-Agent"] = "mamba-server"
    headers["Accept-Encoding"] = "identity"
    return AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        timeout=None,
        http_client=client,
        default_headers=headers,
    )


_PLATFORM_HEADERS = (
    "X-Stainless-Lang",
    "X-Stainless-Package-Version",
    "X-Stainless-OS",
    "X-Stainless-Arch",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
    "X-Stainless-Async",
    "X-Stainless-Retry-Count",
    "X-Stainless-Read-Timeout",
)
