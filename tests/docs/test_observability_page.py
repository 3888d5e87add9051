"""`docs/observability.md` names every metric and every log event, and no other."""

from __future__ import annotations

import ast
import re
from typing import Any

from mamba_adapters.telemetry.metrics import Metrics
from tests.architecture.sources import ROOT, modules

PAGE = (ROOT / "docs/observability.md").read_text("utf-8")
ROW = re.compile(r"^\| `(mamba_\w+)` \| (counter|gauge|histogram) \| ([\w, ]*?) ?\|", re.MULTILINE)
LEVELS = {"debug", "info", "warning", "error", "exception"}


def test_the_metrics_are_those_that_are_served() -> None:
    described = {(name, kind, frozenset(filter(None, labels.split(", ")))) for name, kind, labels in ROW.findall(PAGE)}
    collectors: set[Any] = set(Metrics(models=[])._registry._collector_to_names)
    ours = {it for it in collectors if str(getattr(it, "_name", "")).startswith("mamba_")}
    ending = {"counter": "_total"}
    assert described == {(it._name + ending.get(it._type, ""), it._type, frozenset(it._labelnames)) for it in ours}


def test_the_events_are_those_that_are_logged() -> None:
    trees = [ast.parse(module.path.read_text("utf-8")) for module in modules()]
    logged = {event for tree in trees for event in (*_events(tree), *_written(tree))}
    rows = [line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row)}
    spoken = {"model.asked", "model.said"}
    assert named | spoken == logged


def _events(tree: ast.AST) -> set[str]:
    """The events of calls of a logger."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
        and (node.func.attr in LEVELS if isinstance(node.func, ast.Attribute) else node.func.id == "write")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and re.fullmatch(r"[a-z]+\.[a-z_]+", node.args[0].value)
    }


def _written(tree: ast.AST) -> set[str]:
    """The events of lines that are written past the loggers."""
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, bytes)]
    return {name.decode() for text in texts for name in re.findall(rb'"event":"([a-z]+\.[a-z_]+)"', text)}
