"""The table of what each release understands, judged by the releases' own schemas."""

from __future__ import annotations

from typing import Any

import pytest

from mamba_adapters.http.wire.profiles import FEATURES, profile_of, release_of
from tests.sdk.clients import SdkClient

CHUNKS: dict[str, dict[str, Any]] = {
    "tool-input-start": {"toolCallId": "c", "toolName": "t", "dynamic": True},
    "tool-input-available": {"toolCallId": "c", "toolName": "t", "input": {}, "dynamic": True},
    "tool-input-error": {"toolCallId": "c", "toolName": "t", "input": {}, "errorText": "no"},
    "tool-output-available": {"toolCallId": "c", "output": None, "dynamic": True},
    "tool-output-error": {"toolCallId": "c", "errorText": "no", "dynamic": True},
    "tool-approval-request": {"approvalId": "a", "toolCallId": "c"},
    "tool-approval-response": {"approvalId": "a", "approved": True},
    "tool-output-denied": {"toolCallId": "c"},
    "finish": {"messageMetadata": {}},
    "abort": {},
    "custom": {"kind": "maker.thing"},
    "reasoning-file": {"url": "data:,", "mediaType": "text/plain"},
}
FIELDS: dict[str, Any] = {
    "title": "Title",
    "providerMetadata": {"mamba": {"seal": "s"}},
    "toolMetadata": {"mamba": "m"},
    "preliminary": True,
    "signature": "s",
    "isAutomatic": True,
    "finishReason": "stop",
    "reason": "stopped",
}
# From these on, fields that a schema does not name are passed over.
LOOSE = {5: (5, 0, 217), 6: (6, 0, 231), 7: (7, 0, 32)}


def chunk_with(feature: str) -> dict[str, Any]:
    """The chunk that a row of the table is about."""
    kind, _, field = feature.partition(".")
    return {"type": kind, **CHUNKS[kind], **({field: FIELDS[field]} if field else {})}


async def test_every_row_of_the_table_is_what_the_release_says(sdk_and_zod: SdkClient) -> None:
    if sdk_and_zod.major == 4:
        pytest.skip("release 4 speaks another protocol")
    release = release_of(sdk_and_zod.release)
    assert release is not None
    profile = profile_of(release)
    verdicts = await sdk_and_zod.validate([chunk_with(feature) for feature in FEATURES])
    for feature, verdict in zip(FEATURES, verdicts, strict=True):
        kind, _, field = feature.partition(".")
        passed_over = bool(field) and release >= LOOSE[release[0]] and (kind in profile or kind not in FEATURES)
        assert verdict.accepted == (feature in profile or passed_over), (feature, verdict.error)


async def test_the_common_core_is_taken_by_every_release(sdk_and_zod: SdkClient) -> None:
    if sdk_and_zod.major == 4:
        pytest.skip("release 4 speaks another protocol")
    core = [kind for kind in CHUNKS if kind not in FEATURES]
    verdicts = await sdk_and_zod.validate([chunk_with(kind) for kind in core])
    assert {kind: verdict.error for kind, verdict in zip(core, verdicts, strict=True)} == dict.fromkeys(core)
