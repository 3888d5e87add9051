"""Drives a real npm client from Python: one Node process for a release, any number of chats in it.

    async with SdkClient("6.0.12") as sdk:
        chat = await sdk.chat("http://127.0.0.1:8000/api/chat", auto_send="tools")
        state = await chat.send("Hello")
        assert state.error is None
        assert state.text == "Hi!"

An act of the user (`send`, `edit`, ...) returns when the client has come to rest, automatic follow-up
requests included; with `wait=False` it returns at once. What the server under test did wrong is found in the
returned state; `SdkFault` says that the harness or the release cannot do what was asked, and `SdkTimeout` that
something did not happen in time.
"""

import itertools
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from tests.sdk.chat import SdkChat
from tests.sdk.process import NodeProcess
from tests.sdk.state import Completion, RawAnswer, Verdict

__all__ = ["CLIENTS", "RELEASES", "SdkClient", "Zod"]

# The oldest and the newest of each major, and those between them from which on a chunk or a field is accepted.
RELEASES: Final = (
    "4.3.19",
    "5.0.0",
    "5.0.92",
    "5.0.277",
    "6.0.0",
    "6.0.5",
    "6.0.12",
    "6.0.326",
    "7.0.0",
    "7.0.173",
)

Zod: TypeAlias = Literal[3, 4]

# Every release with every zod that it runs with: release 4 knows zod 3 only.
CLIENTS: Final[tuple[tuple[str, Zod], ...]] = tuple(
    (release, zod) for release in RELEASES for zod in (3, 4) if zod == 3 or not release.startswith("4.")
)


class SdkClient:
    """One release of the client in a Node process of its own; an async context manager, usable once."""

    def __init__(self, release: str, *, zod: Zod | None = None) -> None:
        self.release = release
        self.major = int(release.partition(".")[0])
        self.zod: Zod = zod if zod is not None else (3 if self.major == 4 else 4)
        self._process = NodeProcess(release, ["client.mjs", "--ai", release, "--zod", str(self.zod)])
        self._chats = itertools.count(1)

    async def __aenter__(self) -> Self:
        await self._process.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._process.end()

    async def chat(
        self,
        api: str,
        *,
        id: str | None = None,
        messages: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        transport: Literal["data", "text"] = "data",
        auto_send: Literal["none", "tools", "approvals", "both"] = "none",
        client_tools: Mapping[str, Any] | None = None,
        resume: bool = False,
        zod_metadata: bool = False,
        max_requests: int = 10,
    ) -> SdkChat:
        """Opens a chat as a page does: `messages` is the history that it was rendered with.

        `client_tools` maps the names of tools that the page runs to their output. `auto_send` is what the page
        waits for before it posts by itself. `zod_metadata` declares the schema of the message metadata. After
        `max_requests` requests the client is stopped, and `ChatState.looped` is true.
        """
        chat = SdkChat(self._process, self.release, next(self._chats))
        await chat.command(
            "new",
            api=api,
            id=id,
            messages=list(messages),
            headers=headers,
            body=body,
            transport=transport,
            autoSend=auto_send,
            clientTools=client_tools,
            resume=resume,
            zodMetadata=zod_metadata,
            maxRequests=max_requests,
        )
        return chat

    async def complete(
        self,
        api: str,
        prompt: str,
        *,
        protocol: Literal["data", "text"] = "data",
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout: float = 20.0,
    ) -> Completion:
        """One request of `useCompletion`; aborted after `timeout` seconds."""
        answer = await self._process.command(
            "completion",
            timeout,
            api=api,
            prompt=prompt,
            streamProtocol=protocol,
            headers=headers,
            body=body,
            timeoutMs=timeout * 1000,
        )
        return Completion.of(answer)

    async def validate(self, chunks: Sequence[Mapping[str, Any] | str]) -> list[Verdict]:
        """What the release's own schema says to each chunk alone.

        A text stands for itself: what follows `data: `, or for release 4 a line of the data stream.
        """
        answer = await self._process.command("validate", chunks=list(chunks))
        return [Verdict.of(verdict) for verdict in answer["verdicts"]]

    async def read_raw(
        self,
        api: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        timeout: float = 20.0,
    ) -> RawAnswer:
        """The bytes that the client's `fetch` is given, and when; fails after `timeout` seconds."""
        answer = await self._process.command(
            "readRaw", timeout, api=api, method=method, headers=headers, body=body, timeoutMs=timeout * 1000
        )
        return RawAnswer.of(answer)
