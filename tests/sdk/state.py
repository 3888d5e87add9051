"""What the npm clients report, as values: the state of a chat, a completion, a verdict on a chunk, raw bytes.

Messages, parts and request bodies stay the JSON that the client holds, because that is what tests look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

__all__ = ["ChatState", "Completion", "RawAnswer", "Request", "SdkError", "Verdict"]

_Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkError:
    """An error as the client shows it."""

    name: str
    message: str

    @classmethod
    def of(cls, json: Mapping[str, Any] | None) -> Self | None:
        """None stays None."""
        return None if json is None else cls(name=json["name"], message=json["message"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that the client made, and how its answer ended.

    `outcome` is pending, ended (the server closed), cancelled (the client did not want the rest), aborted (the
    user stopped it) or failed (the connection broke).
    """

    method: str
    url: str
    headers: dict[str, str]
    body: Any
    status: int | None
    response_headers: dict[str, str]
    bytes: int
    outcome: str

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """From what the recording fetch noted."""
        return cls(
            method=json["method"],
            url=json["url"],
            headers=json["headers"],
            body=json["body"],
            status=json["status"],
            response_headers=json["responseHeaders"],
            bytes=json["bytes"],
            outcome=json["outcome"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatState:
    """A chat at one moment, with all that has happened in it so far.

    `statuses` are the statuses in their order, from the first `ready` on. `finishes`, `tool_calls`, `errors` and
    `data` are what the callbacks were given; for release 4 `data` is the data of the hook. `unhandled` are errors
    that no code caught since the chat was opened: a page would show them on its console. `looped` says that the
    client hit the request limit.
    """

    id: str
    status: str
    error: SdkError | None
    messages: list[_Json]
    statuses: list[str]
    requests: list[Request]
    tool_calls: list[_Json]
    finishes: list[_Json]
    errors: list[_Json]
    data: list[Any]
    unhandled: list[str]
    looped: bool

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """From an answer of the line protocol."""
        return cls(
            id=json["id"],
            status=json["status"],
            error=SdkError.of(json["error"]),
            messages=json["messages"],
            statuses=[event["status"] for event in json["events"]],
            requests=[Request.of(request) for request in json["requests"]],
            tool_calls=json["onToolCall"],
            finishes=json["onFinish"],
            errors=json["onError"],
            data=json["onData"],
            unhandled=json["unhandled"],
            looped=json["looped"],
        )

    @property
    def answer(self) -> _Json:
        """The last message, which must be the assistant's."""
        assert self.messages, "there is no message"
        assert self.messages[-1]["role"] == "assistant", f"the last message is {self.messages[-1]}"
        return self.messages[-1]

    @property
    def parts(self) -> list[_Json]:
        """The parts of the last answer."""
        parts: list[_Json] = self.answer["parts"]
        return parts

    @property
    def text(self) -> str:
        """The text of the last answer."""
        return "".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def metadata(self) -> Any:
        """The metadata of the last answer, None where it has none."""
        return self.answer.get("metadata")

    @property
    def tools(self) -> list[_Json]:
        """The tool parts of the last answer; for release 4 its tool invocations."""
        return [tool for part in self.parts if "toolCallId" in (tool := part.get("toolInvocation", part))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How one `useCompletion` request went; `updates` are the texts that the page was given on the way."""

    text: str
    updates: list[str]
    error: SdkError | None
    finished: bool
    request: Request

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """From an answer of the line protocol."""
        (request,) = json["requests"]
        return cls(
            text=json["completion"],
            updates=json["updates"],
            error=SdkError.of(json["error"]),
            finished=json["finished"] is not None,
            request=Request.of(request),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a release accepts a chunk."""

    accepted: bool
    error: SdkError | None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """From an answer of the line protocol."""
        return cls(accepted=json["ok"], error=SdkError.of(json["error"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """An answer as it came over the network.

    `reads` are pairs: milliseconds since the request, and how many bytes came then.
    """

    status: int
    headers: dict[str, str]
    text: str
    reads: list[tuple[float, int]]

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """From an answer of the line protocol."""
        reads = [(read["t"], read["bytes"]) for read in json["reads"]]
        return cls(status=json["status"], headers=json["headers"], text=json["text"], reads=reads)
