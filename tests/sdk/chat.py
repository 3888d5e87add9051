"""One chat of an npm client: what its user does, and waiting for what follows."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.sdk.process import NodeProcess, SdkTimeout
from tests.sdk.state import ChatState

__all__ = ["SdkChat"]


class SdkChat:
    """Made by `SdkClient.chat()`; `number` is the chat's in its process."""

    def __init__(self, process: NodeProcess, release: str, number: int) -> None:
        self._process = process
        self._release = release
        self._number = number

    async def send(
        self,
        text: str | None = None,
        *,
        files: Sequence[Mapping[str, Any]] | None = None,
        metadata: Any = None,
        body: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> ChatState:
        """Sends a user message; without text and files the last message is sent as it is, to be gone on with."""
        return await self._act("send", wait, text=text, files=files, metadata=metadata, body=body)

    async def edit(
        self, message_id: str, text: str, *, body: Mapping[str, Any] | None = None, wait: bool = True
    ) -> ChatState:
        """Replaces a user message and everything after it."""
        return await self._act("edit", wait, messageId=message_id, text=text, body=body)

    async def regenerate(
        self, message_id: str | None = None, *, body: Mapping[str, Any] | None = None, wait: bool = True
    ) -> ChatState:
        """Asks for the last answer, or the named one, anew."""
        return await self._act("regenerate", wait, messageId=message_id, body=body)

    async def stop(self, *, wait: bool = True) -> ChatState:
        """Aborts the request: the server sees a disconnect."""
        return await self._act("stop", wait)

    async def resume(self, *, wait: bool = True) -> ChatState:
        """Asks for the running stream of this chat, as a page does after a reload."""
        return await self._act("resume", wait)

    async def tool_output(
        self,
        tool_call_id: str,
        tool: str,
        output: Any = None,
        *,
        error_text: str | None = None,
        wait: bool = True,
    ) -> ChatState:
        """Brings the output of a tool that the page ran, or says that the tool failed."""
        return await self._act(
            "toolOutput", wait, toolCallId=tool_call_id, tool=tool, output=output, errorText=error_text
        )

    async def approve(
        self, approval_id: str, approved: bool, *, reason: str | None = None, wait: bool = True
    ) -> ChatState:
        """Answers an approval request."""
        return await self._act("approve", wait, approvalId=approval_id, approved=approved, reason=reason)

    async def state(self) -> ChatState:
        """The state as it is now."""
        return await self.command("state")

    async def idle(self, timeout: float = 20.0) -> ChatState:
        """Waits until nothing is going on: no request is open and none follows."""
        return await self._wait("idle", timeout)

    async def text(self, containing: str, timeout: float = 20.0) -> ChatState:
        """Waits until the text of the last answer contains this."""
        return await self._wait("text", timeout, value=containing)

    async def status(self, status: str, timeout: float = 20.0) -> ChatState:
        """Waits until the client is in this status."""
        return await self._wait("status", timeout, value=status)

    async def tool_state(self, state: str, tool_call_id: str | None = None, timeout: float = 20.0) -> ChatState:
        """Waits until a tool part of the last message, or the named one, is in this state."""
        return await self._wait("toolState", timeout, value=state, toolCallId=tool_call_id)

    async def requests(self, count: int, timeout: float = 20.0) -> ChatState:
        """Waits until the client has sent this many requests."""
        return await self._wait("requests", timeout, value=count)

    async def command(self, op: str, **arguments: Any) -> ChatState:
        """One command of the line protocol about this chat."""
        return ChatState.of(await self._process.command(op, chat=self._number, **arguments))

    async def _act(self, op: str, wait: bool, **arguments: Any) -> ChatState:
        state = await self.command(op, **arguments)
        return await self.idle() if wait else state

    async def _wait(self, until: str, timeout: float, **arguments: Any) -> ChatState:
        answer = await self._process.command(
            "wait", timeout, chat=self._number, until=until, timeoutMs=timeout * 1000, **arguments
        )
        state = ChatState.of(answer)
        if not answer["inTime"]:
            raise SdkTimeout(f"{self._release}: not {until} {arguments or ''} in {timeout:g} s: {state}")
        return state
