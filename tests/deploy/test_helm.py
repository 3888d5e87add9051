"""The chart: what can be told of its files alone, and what it renders to where there is a helm."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mamba_adapters.config.load import load
from tests.architecture.test_packaging import PROJECT
from tests.deploy.manifests import DEPLOY, Manifest, deployed, found, pod_specs
from tests.deploy.pod_security import is_restricted
from tests.deploy.settings_tables import unknown_keys

HELM = shutil.which("helm")
CHART = DEPLOY / "helm" / "mamba-server"
TEMPLATES = sorted(path for path in (CHART / "templates").rglob("*") if path.is_file())
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
VALUES: Any = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
SCHEMA: Any = json.loads((CHART / "values.schema.json").read_text("utf-8"))
BLOCKS = re.compile(r"\{\{-?\s*(if|range|with|define|end)\b")
REFERENCE = re.compile(r"\$?\.Values((?:\.[A-Za-z0-9]+)+)")
DEPLOYMENT = (CHART / "templates" / "deployment.yaml").read_text("utf-8")
LAST_WORDS = 1.0

needs_helm = pytest.mark.skipif(HELM is None, reason="there is no helm")
each_case = pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)


def leaves(table: Manifest, prefix: str = "") -> Iterator[str]:
    """The values that a template can ask for, by dotted path. A table that is free for all counts as one."""
    for name, value in table.items():
        if isinstance(value, dict) and value and name not in {"settings", "annotations", "resources"}:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}
    return above


def case_values(case: Path) -> Any:
    return merged(VALUES, yaml.safe_load(case.read_text("utf-8")))


# Without helm


def test_the_chart_has_the_version_of_the_server() -> None:
    chart: Any = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == PROJECT["project"]["version"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_what_a_template_opens_it_closes(template: Path) -> None:
    text = template.read_text("utf-8")
    assert text.count("{{") == text.count("}}")
    depth = 0
    for word in BLOCKS.findall(text):
        depth += -1 if word == "end" else 1
        assert depth >= 0
    assert depth == 0


def test_templates_ask_for_values_that_have_defaults_and_every_value_is_asked_for() -> None:
    asked = {path[1:] for template in TEMPLATES for path in REFERENCE.findall(template.read_text("utf-8"))}
    known = set(leaves(VALUES))
    assert {path for path in asked if not any(f"{path}.".startswith(f"{one}.") for one in known)} == set()
    assert {path for path in known if not any(f"{one}.".startswith(f"{path}.") for one in asked)} == set()


def test_every_template_that_is_included_is_defined() -> None:
    text = "".join(template.read_text("utf-8") for template in TEMPLATES)
    assert set(re.findall(r'include "([^"]+)"', text)) == set(re.findall(r'define "([^"]+)"', text))


def test_the_schema_takes_the_defaults_and_nothing_that_it_does_not_know() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)
    for wrong in ({"replica": 2}, {"image": {"digest": "latest"}}, {"redis": {"on": True}}, {"secrets": {"a b": "c"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(merged(VALUES, wrong), SCHEMA)


def test_the_schema_describes_every_value() -> None:
    for path in leaves(VALUES):
        table = SCHEMA
        for name in path.split("."):
            table = table["properties"][name]


@each_case
def test_values_of_a_case_are_valid_and_their_settings_known(case: Path) -> None:
    values = case_values(case)
    jsonschema.validate(values, SCHEMA)
    assert list(unknown_keys(values["settings"])) == []


def test_probes_and_rights_are_those_of_the_manifests() -> None:
    container = found(deployed("base"), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    (probes,) = re.findall(r"^ +startupProbe:\n.*?(?=^ +resources:)", DEPLOYMENT, re.MULTILINE | re.DOTALL)
    for name, probe in yaml.safe_load(textwrap.dedent(probes)).items():
        assert probe == container[name]
    helpers = (CHART / "templates" / "_helpers.tpl").read_text("utf-8")
    (rights,) = re.findall(r'define "mamba.containerSecurity" -\}\}\n(.*?)\{\{- end', helpers, re.DOTALL)
    assert yaml.safe_load(rights) == container["securityContext"]
    for template in ("deployment.yaml", "redis.yaml", "tests/answers.yaml"):
        text = (CHART / "templates" / template).read_text("utf-8")
        assert "automountServiceAccountToken: false" in text
        assert "runAsNonRoot: true" in text
        assert 'include "mamba.containerSecurity"' in text


def test_the_chart_brings_the_alerts_that_prometheus_loads() -> None:
    assert (CHART / "files" / "alerts.yaml").resolve() == DEPLOY / "prometheus" / "alerts.yaml"


# With helm


def rendered(case: Path, *options: str) -> list[Manifest]:
    assert HELM is not None
    command = [HELM, "template", "chat", str(CHART), "--values", str(case), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stderr
    return [document for document in yaml.safe_load_all(ran.stdout) if document is not None]


@needs_helm
@each_case
def test_helm_finds_nothing_to_say_about_the_chart(case: Path) -> None:
    assert HELM is not None
    command = [HELM, "lint", "--strict", str(CHART), "--values", str(case)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_helm
@each_case
def test_what_helm_renders_fits_the_schemas_of_the_newest_kubernetes(case: Path, tmp_path: Path) -> None:
    manifests = [one for one in rendered(case) if not one["apiVersion"].startswith("monitoring.coreos.com/")]
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests), "utf-8")
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_helm
@each_case
def test_every_pod_of_the_chart_passes_the_restricted_pod_security_standard(case: Path) -> None:
    manifests = rendered(case)
    pods = [pod for _, pod in pod_specs(manifests)] + [one["spec"] for one in manifests if one["kind"] == "Pod"]
    assert len(pods) == 2 + case_values(case)["redis"]["enabled"]
    for pod in pods:
        is_restricted(pod)


@needs_helm
@each_case
def test_the_server_reads_the_settings_that_the_chart_writes(case: Path, tmp_path: Path) -> None:
    manifests = rendered(case)
    ((name, text),) = found(manifests, "ConfigMap", "chat-mamba-server")["data"].items()
    (tmp_path / name).write_text(text, "utf-8")
    secrets = {"OPENAI_API_KEY": "sk-none", "MAMBA_AUTH__API_KEY": "at-least-16-characters"}
    settings = load(directory=tmp_path, env=secrets).settings
    pod = found(manifests, "Deployment", "chat-mamba-server")["spec"]["template"]["spec"]
    assert settings.server.grace + LAST_WORDS < pod["terminationGracePeriodSeconds"]
    assert settings.server.drain_delay <= settings.server.grace
    if case_values(case)["redis"]["enabled"]:
        assert settings.redis.url is not None
        service = found(manifests, "Service", "chat-mamba-server-redis")
        assert service["metadata"]["name"] in settings.redis.url.get_secret_value()
        assert settings.streams.adapter == settings.limits.storage == "redis"


@needs_helm
@each_case
def test_everything_that_the_chart_selects_is_a_pod_of_its_own(case: Path) -> None:
    manifests = rendered(case)
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in manifests
        if one["kind"] == "Deployment"
    }
    selectors = {
        "Service": lambda spec: spec["selector"],
        "PodDisruptionBudget": lambda spec: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda spec: spec["podSelector"]["matchLabels"],
        "PodMonitor": lambda spec: spec["selector"]["matchLabels"],
        "Deployment": lambda spec: spec["selector"]["matchLabels"],
    }
    for one in manifests:
        if one["kind"] in selectors:
            chosen = selectors[one["kind"]](one["spec"])
            picked = [name for name, own in labels.items() if chosen.items() <= own.items()]
            assert picked == [one["metadata"]["name"]]


@needs_helm
def test_helm_refuses_a_value_that_the_chart_does_not_know() -> None:
    assert HELM is not None
    command = [HELM, "template", "chat", str(CHART), "--set", "replica=2"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode != 0
    assert "replica" in ran.stderr
