"""Which wire and profile a request is answered in."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mamba_adapters.http.negotiation import AI_SDK, AI_SDK_V4, TEXT, Negotiated, Wires, default_release, negotiate
from mamba_adapters.http.wire.ai_sdk import AiSdkEncoder
from mamba_adapters.http.wire.ai_sdk_v4 import AiSdkV4Encoder
from mamba_adapters.http.wire.codec import WireFactory
from mamba_adapters.http.wire.generations import proven_generation
from mamba_adapters.http.wire.profiles import COMPAT, FEATURES, profile_of, profile_since, release_of
from mamba_adapters.http.wire.text import TextEncoder
from mamba_domain.errors import Rejected
from mamba_domain.messages import JsonObject, JsonValue

BY_NAME: dict[str, WireFactory] = {AI_SDK: AiSdkEncoder, AI_SDK_V4: AiSdkV4Encoder, TEXT: TextEncoder}


def negotiated(
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    *,
    setting: str = "compat",
    generation: int | None = None,
) -> Negotiated:
    wires = Wires(by_name=BY_NAME, release=default_release(setting))
    return negotiate(headers or {}, query or {}, wires=wires, generation=generation)


def test_an_unknown_client_gets_what_every_release_understands() -> None:
    wire = negotiated({"user-agent": "Mozilla/5.0"})
    assert (wire.protocol, wire.profile) == (AI_SDK, COMPAT)
    assert isinstance(wire.encoder(), AiSdkEncoder)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_query_forces_a_wire_against_everything_else(name: str) -> None:
    wire = negotiated({"x-mamba-ui": "6.0.12"}, {"protocol": name}, generation=4)
    assert (wire.protocol, wire.factory) == (name, BY_NAME[name])


def test_an_unknown_wire_is_refused_with_the_names_of_those_that_there_are() -> None:
    with pytest.raises(Rejected, match="these are: ai-sdk, ai-sdk-v4, text") as refused:
        negotiated(query={"protocol": "morse"})
    assert "morse" not in str(refused.value)


@pytest.mark.parametrize(
    ("headers", "setting", "generation", "protocol", "release"),
    [
        ({"x-mamba-ui": "6.0.12"}, "compat", 7, AI_SDK, (6, 0, 12)),
        ({"x-mamba-ui": "v7.0.173"}, "5.0.0", None, AI_SDK, (7, 0, 173)),
        ({"x-mamba-ui": "4.3.19"}, "7.0.0", 5, AI_SDK_V4, (4, 3, 19)),
        ({"x-mamba-ui": "5.0.0", "user-agent": "ai-sdk/6.0.12"}, "compat", None, AI_SDK, (5, 0, 0)),
        ({"user-agent": "ai-sdk/6.0.12 runtime/browser"}, "compat", 5, AI_SDK, (6, 0, 12)),
        ({"user-agent": "Mozilla/5.0 ai-sdk/5.0.100-canary.3"}, "compat", 5, AI_SDK, (5, 0, 100)),
        ({"user-agent": "ai-sdk/4.1.0"}, "compat", None, AI_SDK_V4, (4, 1, 0)),
        ({}, "6.0.12", None, AI_SDK, (6, 0, 12)),
        ({}, "4.3.19", None, AI_SDK_V4, (4, 3, 19)),
        ({}, "6.0.12", 4, AI_SDK_V4, (6, 0, 12)),
        ({}, "4.3.19", 5, AI_SDK, (4, 3, 19)),
    ],
)
def test_what_is_said_counts_before_what_is_proven_before_what_is_set(
    headers: dict[str, str], setting: str, generation: int | None, protocol: str, release: tuple[int, int, int]
) -> None:
    wire = negotiated(headers, setting=setting, generation=generation)
    assert (wire.protocol, wire.profile) == (protocol, profile_of(release))


def test_a_body_can_prove_more_than_is_set_and_never_less() -> None:
    assert negotiated(generation=6).profile == profile_since(6)
    assert negotiated(setting="6.0.202", generation=6).profile == profile_of((6, 0, 202))
    assert negotiated(setting="5.0.92", generation=7).profile == profile_since(7)


@pytest.mark.parametrize("named", ["latest", "", "6.x", "6.0.12; DROP", "1" * 400])
def test_a_release_that_is_none_is_refused(named: str) -> None:
    with pytest.raises(Rejected, match=r"must be a version such as 6\.0\.12"):
        negotiated({"x-mamba-ui": named})


def test_a_user_agent_that_only_looks_like_a_release_is_passed_over() -> None:
    assert negotiated({"user-agent": "my-ai-sdk/9 ai-sdk/x"}).profile == COMPAT


def test_profiles_grow_with_the_releases_and_end_with_the_newest() -> None:
    assert profile_of((5, 0, 0)) == profile_since(5) == COMPAT
    assert profile_of((5, 0, 92)) == {"tool-input-error", "tool-output-available.preliminary", "finish.finishReason"}
    assert profile_of((6, 0, 0)) <= profile_of((6, 0, 12)) < profile_of((6, 0, 202))
    assert profile_of((7, 0, 0)) == profile_of((12, 1, 0)) == frozenset(FEATURES)
    assert profile_since(6) < profile_since(7)
    assert profile_since(99) == profile_of((7, 0, 0))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("6.0.12", (6, 0, 12)),
        (" v7 ", (7, 0, 0)),
        ("6.1", (6, 1, 0)),
        ("6.0.0-beta.1", (6, 0, 0)),
        ("six", None),
        ("", None),
    ],
)
def test_a_release_is_read_as_people_write_it(text: str, release: tuple[int, int, int] | None) -> None:
    assert release_of(text) == release


USER: JsonObject = {"role": "user", "parts": [{"type": "text", "text": "Hi"}]}


def answered(**part: JsonValue) -> JsonObject:
    """An assistant's message with one part."""
    return {"role": "assistant", "parts": [part]}


@pytest.mark.parametrize(
    ("body", "generation"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, None),
        ({"id": "c", "messages": [{"role": "user", "content": "Hi"}]}, None),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, None),
        ({"messages": [{"role": "user", "content": "Hi", "parts": []}]}, 4),
        ({"messages": [{"role": "user", "content": "Hi", "experimental_attachments": []}]}, 4),
        (
            {
                "messages": [
                    {"role": "assistant", "content": "", "toolInvocations": []},
                    {"role": "user", "content": ""},
                ]
            },
            4,
        ),
        ({"messages": [{"role": "data", "content": "", "data": 1}]}, 4),
        ({"messages": [USER]}, 5),
        ({"id": "c", "message": USER}, 5),
        ({"message": {"role": "user", "content": "Hi", "parts": []}}, 4),
        ({"trigger": "submit-message", "messages": [{"role": "user", "content": "Hi", "parts": []}]}, 5),
        ({"messages": [{"role": "user", "content": "Hi", "parts": []}, USER]}, 5),
        ({"messages": [answered(type="tool-x", state="approval-responded"), USER]}, 6),
        ({"messages": [answered(type="tool-x", state="output-denied"), USER]}, 6),
        ({"messages": [answered(type="dynamic-tool", toolName="x", title="X"), USER]}, 6),
        ({"messages": [answered(type="source-url", title="X"), USER]}, 5),
        ({"messages": [answered(type="custom", kind="a.b"), USER]}, 7),
        ({"messages": [answered(type="text", text="", citations=[]), USER]}, 7),
        ({"messages": [answered(type="tool-x", state="approval-requested", approval={"isAutomatic": True})]}, 7),
        ({"messages": "Hi"}, None),
        ({"messages": ["Hi", None, 3]}, None),
        ({"trigger": 3, "messages": [{"parts": [None, 1]}]}, 5),
        ({}, None),
    ],
)
def test_a_body_proves_its_generation_by_marks_that_no_other_makes(body: JsonObject, generation: int | None) -> None:
    assert proven_generation(body) == generation


@pytest.mark.parametrize("odd", [[], {}, 7, None])
def test_parts_of_odd_types_prove_nothing_and_break_nothing(odd: JsonValue) -> None:
    parts: list[JsonValue] = [{"type": odd}, {"type": "tool-x", "state": odd}]
    assert proven_generation({"trigger": "x", "messages": [{"parts": parts}]}) == 5
