"""`docs/operate.md` sends its reader, in the night, to lines, metrics and codes that there are."""

from __future__ import annotations

import re

from mamba_adapters.config.settings import Settings
from mamba_domain.errors import Code
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs/operate.md").read_text("utf-8")
OBSERVED = (ROOT / "docs/observability.md").read_text("utf-8")
"""What is logged and measured; a test of its own holds it against the code."""


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


def test_every_event_and_metric_that_it_names_is_described() -> None:
    events = {word for word in quoted(PAGE) if re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", word)}
    settings = {
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in getattr(field.annotation, "model_fields", ())
    }
    metrics = {word for word in quoted(PAGE) if word.startswith("mamba_") and "." not in word}
    assert "endpoint.key_refused" in events - settings
    assert "mamba_store_failures_total" in metrics
    assert (events - settings) | metrics <= quoted(OBSERVED)


def test_every_code_that_it_names_is_one_of_the_problem_codes() -> None:
    table = PAGE[PAGE.index("## What is wrong?") : PAGE.index("## When the machine fails it")]
    codes = set(re.findall(r"^\| \d{3} `([A-Z_]+)`", table, re.MULTILINE))
    assert codes
    assert codes <= {code.value for code in Code}
