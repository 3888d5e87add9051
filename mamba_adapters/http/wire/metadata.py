"""What a finished turn tells about itself, the same on every wire that has room for it."""

from __future__ import annotations

from mamba_domain.events import Timings, Usage
from mamba_domain.messages import JsonObject

__all__ = ["turn_metadata"]


def turn_metadata(model: str, usage: Usage, timings: Timings) -> JsonObject:
    """Model, tokens, and milliseconds. Counts that the provider did not give are left out."""
    tokens: JsonObject = {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
    }
    if usage.reasoning_tokens:
        tokens["reasoningTokens"] = usage.reasoning_tokens
    if usage.cached_input_tokens:
        tokens["cachedInputTokens"] = usage.cached_input_tokens
    metadata: JsonObject = {"model": model, "usage": tokens}
    if timings.first_output is not None:
        metadata["ttftMs"] = round(timings.first_output * 1000)
    metadata["durationMs"] = round(timings.duration * 1000)
    return metadata
