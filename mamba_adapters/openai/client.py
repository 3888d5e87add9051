"""Makes the one `AsyncOpenAI` client that all models of a connection share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["new_client"]


def new_client(
    *, api_key: str | None, base_url: str, api_version: str | None = None, connect_timeout: float = 5.0
) -> AsyncOpenAI:
    """A client that does nothing of its own accord.

    It neither retries (one layer does that, `retry`) nor follows redirects (a redirect would carry the prompt elsewhere),
    and it sends no headers that happen to be in the environment. Without a key it sends none: local servers need none. With
    an `api_version` it speaks to Azure OpenAI: the version goes into the query, the key into the header `api-key`.
    """
    import httpx2
    from openai import AsyncOpenAI

    from mamba_adapters.openai.transport import AiohttpTransport

    headers = {"user-agent": "mamba-server", "accept-encoding": "identity"}
    if api_key is not None and api_version is not None:
        headers["api-key"] = api_key
    elif api_key is not None:
        headers["authorization"] = f"Bearer {api_key}"
    client = httpx2.AsyncClient(
        transport=AiohttpTransport(headers=headers, connect_timeout=connect_timeout),
        timeout=None,
        follow_redirects=False,
        trust_env=False,
    )
    return AsyncOpenAI(
        api_key="the transport has it",
        base_url=base_url,
        default_query={"api-version": api_version} if api_version is not None else None,
        max_retries=0,
        timeout=None,
        http_client=client,
    )
