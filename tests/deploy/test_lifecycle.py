"""Probes ask what the server answers to anybody, and the times of its end fit into each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from mamba_adapters.config.load import load
from mamba_adapters.config.settings import Settings
from tests.app.harness import running_app, settings
from tests.deploy.manifests import DEPLOY, OVERLAYS, Manifest, deployed, found, settings_of

LAST_WORDS = 1.0
"""Seconds that the process may take after the grace period: see mamba_app/server.py."""
KEY = "probes-need-no-key"


def read_settings(files: dict[str, str], folder: Path) -> Settings:
    """The settings as the server reads them from these files, secrets aside."""
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    secrets = {"OPENAI_API_KEY": "sk-none", "MAMBA_AUTH__API_KEY": KEY}
    return load(directory=folder, env=secrets).settings


def server_pod(overlay: str) -> Manifest:
    pod: Manifest = found(deployed(overlay), "Deployment")["spec"]["template"]["spec"]
    return pod


def seconds(text: str) -> float:
    """A duration as compose and nginx write it."""
    (number, unit) = re.fullmatch(r"(\d+)(s|m)", text).groups()  # type: ignore[union-attr]
    return int(number) * (60 if unit == "m" else 1)


def probes(container: Manifest) -> dict[str, Manifest]:
    return {name: container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_of_an_overlay_are_valid(overlay: str, tmp_path: Path) -> None:
    judged = read_settings(settings_of(deployed(overlay)), tmp_path)
    assert (judged.auth.mode == "none") == overlay.endswith("dev")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_platform_waits_for_longer_than_the_server_takes_to_end(overlay: str, tmp_path: Path) -> None:
    server = read_settings(settings_of(deployed(overlay)), tmp_path).server
    assert server.drain_delay <= server.grace
    assert server.grace + LAST_WORDS < server_pod(overlay)["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("overlay", ["base", "overlays/production"])
def test_load_balancers_notice_before_the_listener_closes(overlay: str, tmp_path: Path) -> None:
    server = read_settings(settings_of(deployed(overlay)), tmp_path).server
    probe = server_pod(overlay)["containers"][0]["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"] < server.drain_delay


def test_the_defaults_fit_into_the_time_that_compose_gives() -> None:
    compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert settings().server.grace + LAST_WORDS < seconds(compose["services"]["mamba"]["stop_grace_period"])


def test_the_variables_of_compose_are_valid_settings(tmp_path: Path) -> None:
    compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    given = {"OPENAI_API_KEY": "sk-none", "MAMBA_AUTH__API_KEY": KEY}
    variables = {
        name: re.sub(r"\$\{(\w+):[-?][^}]*\}", lambda found: given.get(found[1], ""), value)
        for name, value in compose["services"]["mamba"]["environment"].items()
    }
    judged = load(directory=tmp_path, env=variables).settings
    assert judged.auth.mode == "api_key"
    assert judged.streams.adapter == judged.limits.storage == "redis"


@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_probes_are_answered_without_credentials(overlay: str) -> None:
    container = server_pod(overlay)["containers"][0]
    asked = {name: probe["httpGet"]["path"] for name, probe in probes(container).items()}
    assert asked["livenessProbe"] != asked["readinessProbe"] == asked["startupProbe"]
    async with running_app(settings({"auth.mode": "api_key", "auth.api_key": KEY})) as app:
        for path in asked.values():
            assert (await app.http.get(path)).status_code == 200
        app.application.readiness.ready = False
        assert (await app.http.get(asked["livenessProbe"])).status_code == 200
        assert (await app.http.get(asked["readinessProbe"])).status_code == 503


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_the_port_on_which_the_server_listens(overlay: str, tmp_path: Path) -> None:
    container = server_pod(overlay)["containers"][0]
    (port,) = container["ports"]
    assert {probe["httpGet"]["port"] for probe in probes(container).values()} == {port["name"]}
    variables = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    judged = load(directory=tmp_path, env={**variables, "OPENAI_API_KEY": "sk-none", "MAMBA_CONFIG_DIR": str(tmp_path)})
    assert judged.settings.server.port == port["containerPort"]
    assert judged.settings.server.host == "0.0.0.0"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_starting_is_given_time_that_living_is_not(overlay: str) -> None:
    asked = probes(server_pod(overlay)["containers"][0])
    start = asked["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 30
    assert asked["livenessProbe"]["failureThreshold"] >= 3
    assert asked["livenessProbe"]["timeoutSeconds"] >= 2


@pytest.mark.parametrize("path", ["/metrics"])
async def test_whoever_scrapes_has_to_show_the_key_that_the_monitor_shows(path: str) -> None:
    component = DEPLOY / "kubernetes/components/pod-monitor/podmonitor.yaml"
    monitor: Any = yaml.safe_load(component.read_text("utf-8"))
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["path"] == path
    assert endpoint["port"] == server_pod("base")["containers"][0]["ports"][0]["name"]
    (reference,) = server_pod("base")["containers"][0]["envFrom"]
    assert endpoint["authorization"]["credentials"]["name"] == reference["secretRef"]["name"]
    assert endpoint["authorization"]["credentials"]["key"] == "MAMBA_AUTH__API_KEY"
    shown = {"authorization": f"{endpoint['authorization']['type']} {KEY}"}
    async with running_app(settings({"auth.mode": "api_key", "auth.api_key": KEY})) as app:
        answers: list[httpx2.Response] = [await app.http.get(path), await app.http.get(path, headers=shown)]
    assert [answer.status_code for answer in answers] == [401, 200]


def test_production_keeps_its_streams_and_counts_where_all_replicas_find_them(tmp_path: Path) -> None:
    manifests = deployed("overlays/production")
    judged = read_settings(settings_of(manifests), tmp_path)
    assert judged.streams.adapter == judged.limits.storage == "redis"
    assert judged.redis.url is not None
    service = found(manifests, "Service", "mamba-redis")
    (port,) = service["spec"]["ports"]
    assert judged.redis.url.get_secret_value().startswith(f"redis://{service['metadata']['name']}:{port['port']}/")
    assert tomllib.loads(settings_of(manifests)["settings.toml"])["server"]["playground"] is False
