"""Dashboard and alerts ask for metrics that the server has, with labels that they have and values that these take."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from mamba_adapters.telemetry.metrics import Metrics
from mamba_domain.errors import Code
from mamba_domain.events import FinishReason, ModelFinished, Timings, TurnFinished, Usage
from tests.deploy.manifests import DEPLOY, deployed, found

PROMTOOL = shutil.which("promtool")
ALERTS_FILE = DEPLOY / "prometheus" / "alerts.yaml"
ALERTS: list[Any] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text("utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD: Any = json.loads((DEPLOY / "grafana" / "mamba-server.json").read_text("utf-8"))
PANELS: list[Any] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ADAPTER: Any = yaml.safe_load((DEPLOY / "prometheus" / "adapter.yaml").read_text("utf-8"))

SERIES = re.compile(r"\b(?:mamba|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:mamba|process)_[a-z_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\bby \(([^)]*)\)")
BUILD = "mamba_build_info{job='m',version='1'}"
FALLEN_BACK, STEPS = "mamba_fallbacks_total{model='m',by='n'}", "mamba_steps_total{model='m'}"
OUTSIDE = {"job", "instance", "namespace", "pod", "le"}
"""Labels that Prometheus or a histogram adds."""


def exposed() -> dict[str, set[str]]:
    """Every series that the server exposes once all has happened to it, with its labels."""
    metrics = Metrics(models=["m"])
    finished = ModelFinished(finish_reason=FinishReason.STOP)
    timings = Timings(first_output=0.1, duration=1.0)
    end = TurnFinished(finish_reason=FinishReason.STOP, usage=Usage(input_tokens=1), timings=timings)
    metrics.model_answered(said=(), finished=finished, first_output=0.1, interval=0.01)
    metrics.turn_ended(model="m", end=end, steps=1, cause=None)
    metrics.tool_ended(tool="t", outcome="returned", seconds=0.1)
    metrics.history_repaired(rule="r", count=1)
    metrics.attempt_failed(endpoint="e", code="c")
    metrics.attempt_repeated(endpoint="e")
    metrics.breaker_changed(endpoint="e", is_open=True)
    metrics.model_stood_in(model="m", by="n")
    metrics.store_written(lag=0.1)
    metrics.store_failed(operation="o")
    metrics.request_ended(method="POST", route="/chat", status=200, seconds=0.1)
    metrics.parts_ignored(kind="k", count=1)
    text, _ = metrics.render()
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.samples, f"nothing happened to {family.name}"
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


SERVED = exposed()


def asked() -> Iterator[tuple[str, str]]:
    """Every query of the dashboard and of the alerts, with where it is from."""
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


QUERIES = list(asked())


@pytest.mark.parametrize(("place", "query"), QUERIES, ids=[f"{place}-{n}" for n, (place, _) in enumerate(QUERIES)])
def test_a_query_names_series_and_labels_that_are_served(place: str, query: str) -> None:
    named = set(SERIES.findall(query))
    assert named
    assert named <= set(SERVED)
    labels = set().union(*(SERVED[name] for name in named)) | OUTSIDE
    for name, selectors in SELECTOR.findall(query):
        used = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selectors))
        assert used <= SERVED[name] | OUTSIDE
    for group in GROUPING.findall(query):
        assert {label.strip() for label in group.split(",")} <= labels


@pytest.mark.parametrize(("place", "query"), QUERIES, ids=[f"{place}-{n}" for n, (place, _) in enumerate(QUERIES)])
def test_an_outcome_that_a_query_names_is_one_that_turns_have(place: str, query: str) -> None:
    for outcomes in re.findall(r'outcome(?:=~|!~|=|!=)"([^"]*)"', query):
        assert set(outcomes.split("|")) <= {"finished", "stopped", *(code.value for code in Code)}


def test_every_metric_of_the_server_is_on_the_dashboard() -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name in SERIES.findall(target["expr"])}
    served = {name for name in SERVED if name.startswith("mamba_")}
    assert {name for name in served if not name.endswith(("_sum", "_count", "_created"))} <= shown


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_the_dashboard_takes_its_data_from_where_the_reader_says() -> None:
    sources = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert sources == {"${datasource}"}


def test_every_alert_says_what_it_means_and_the_docs_say_what_to_do() -> None:
    page = (DEPLOY.parent / "docs" / "deploy.md").read_text("utf-8")
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert f"`{rule['alert']}`" in page


def test_replicas_are_counted_by_a_metric_that_the_adapter_offers() -> None:
    scaler = found(deployed("overlays/production"), "HorizontalPodAutoscaler")["spec"]
    (pods,) = (metric["pods"] for metric in scaler["metrics"] if metric["type"] == "Pods")
    (rule,) = ADAPTER["rules"]["custom"]
    assert pods["metric"]["name"] == rule["name"]["as"]
    assert rule["seriesQuery"].partition("{")[0] == pods["metric"]["name"]
    assert pods["metric"]["name"] in SERVED


def test_prometheus_loads_the_alerts_beside_its_configuration() -> None:
    configuration: Any = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    assert configuration["rule_files"] == [ALERTS_FILE.name]
    (job,) = configuration["scrape_configs"]
    assert job["metrics_path"] == "/metrics"


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool")
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", str(ALERTS_FILE))
    promtool("check", "config", "--syntax-only", str(DEPLOY / "prometheus" / "prometheus.yml"))


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool")
def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    cases = {
        "MambaServerAbsent": ([], ["mamba_build_info{version='1'}", "1+0x60"]),
        "MambaTurnsFailing": (
            ["mamba_turns_total{model='m',outcome='MODEL_ERROR'}", "0+60x60"],
            ["mamba_turns_total{model='m',outcome='finished'}", "0+60x60"],
        ),
        "MambaInternalErrors": (
            ["mamba_turns_total{model='m',outcome='INTERNAL'}", "_x38 1+0x20"],
            ["mamba_turns_total{model='m',outcome='INTERNAL'}", "1+0x60"],
        ),
        "MambaEndpointLeftAlone": (
            ["mamba_endpoint_breaker_open{endpoint='e'}", "1+0x60"],
            ["mamba_endpoint_breaker_open{endpoint='e'}", "0+0x60"],
        ),
        "MambaModelStandsIn": (
            [FALLEN_BACK, "0+10x60", STEPS, "0+60x60"],
            [FALLEN_BACK, "0+1x60", STEPS, "0+60x60"],
        ),
        "MambaStoreFailing": (
            ["mamba_store_failures_total{operation='beat'}", "0+1x60"],
            ["mamba_store_failures_total{operation='beat'}", "7+0x60"],
        ),
        "MambaOpenFilesRunOut": (
            ["process_open_fds{job='m'}", "95+0x60", "process_max_fds{job='m'}", "100+0x60", BUILD, "1+0x60"],
            ["process_open_fds{job='o'}", "95+0x60", "process_max_fds{job='o'}", "100+0x60", BUILD, "1+0x60"],
        ),
        "MambaTurnedAway": (
            ["mamba_http_requests_total{method='POST',route='/chat',status='503'}", "0+60x60"],
            ["mamba_http_requests_total{method='GET',route='/health/ready',status='503'}", "0+60x60"],
        ),
    }
    tests = []
    for alert, (bad, good) in cases.items():
        expression = next(rule["expr"] for rule in ALERTS if rule["alert"] == alert)
        for series, fires in ((bad, True), (good, False)):
            given = [{"series": name, "values": values} for name, values in zip(series[::2], series[1::2], strict=True)]
            holds = {"expr": f"count({expression}) > bool 0", "eval_time": "40m"}
            holds["exp_samples"] = [{"labels": "{}", "value": 1}] if fires else []  # type: ignore[assignment]
            tests.append({"interval": "1m", "input_series": given, "promql_expr_test": [holds]})
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump({"tests": tests}), "utf-8")
    promtool("test", "rules", str(file))


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool")
def test_the_share_of_failing_turns_is_zero_where_none_has_failed_yet(tmp_path: Path) -> None:
    (expression,) = (target["expr"] for panel in PANELS if panel["title"] == "Failing" for target in panel["targets"])
    everything = re.sub(r'"\$\w+"', '".*"', expression).replace("$__rate_interval", "5m")
    given = [{"series": "mamba_turns_total{model='m',outcome='finished'}", "values": "0+60x60"}]
    holds = {"expr": everything, "eval_time": "40m", "exp_samples": [{"labels": "{}", "value": 0}]}
    file = tmp_path / "cases.yaml"
    test = {"interval": "1m", "input_series": given, "promql_expr_test": [holds]}
    file.write_text(yaml.safe_dump({"tests": [test]}), "utf-8")
    promtool("test", "rules", str(file))


def promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr
