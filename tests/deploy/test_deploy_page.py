"""What docs/deploy.md has its reader type and copy is there, and works as far as a machine without a cluster can tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mamba_adapters.config.load import load
from tests.app.harness import settings
from tests.architecture.sources import ROOT
from tests.deploy.manifests import DEPLOY, deployed, found, settings_of
from tests.deploy.settings_tables import unknown_keys

PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
KUBECTL = shutil.which("kubectl")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


SHELL = blocks("sh")


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.splitlines()[0])
def test_a_command_is_one_that_the_shell_understands_on_files_that_are_there(block: str) -> None:
    subprocess.run(["sh", "-n"], input=block, text=True, check=True, timeout=10)
    for path in re.findall(r"(?<![\w./-])(?:deploy|requirements)/[\w./-]+", block):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"^make ([a-z-]+)", block, re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_every_variable_of_make_that_the_page_names_is_one_of_the_makefile() -> None:
    for name in ("BASE_IMAGE", "BUILDER", "IMAGE"):
        assert f"`{name}`" in PAGE
        assert re.search(rf"^{name} +\?=", MAKEFILE, re.MULTILINE)


def test_a_link_of_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in headings, target
        else:
            assert (ROOT / "docs" / target).exists(), target


def test_the_values_of_the_page_are_values_of_the_chart() -> None:
    schema: Any = json.loads((DEPLOY / "helm/mamba-server/values.schema.json").read_text("utf-8"))
    (values,) = (yaml.safe_load(block) for block in blocks("yaml") if block.startswith("# values.yaml"))
    jsonschema.validate(values, schema)
    assert list(unknown_keys(values["settings"])) == []


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl")
def test_the_overlay_of_the_page_is_one_that_kubectl_puts_together(tmp_path: Path) -> None:
    assert KUBECTL is not None
    shutil.copytree(DEPLOY, tmp_path / "deploy", symlinks=True)
    (tmp_path / "chat").mkdir()
    (overlay,) = (block for block in blocks("yaml") if block.startswith("# chat/kustomization.yaml"))
    (tmp_path / "chat" / "kustomization.yaml").write_text(overlay, "utf-8")
    command = [KUBECTL, "kustomize", str(tmp_path / "chat")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stderr
    manifests = list(yaml.safe_load_all(ran.stdout))
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"mamba"}
    (container,) = found(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.org/mamba-server:0.1.0"
    assert found(manifests, "Ingress")["spec"]["rules"][0]["host"] == "chat.example.com"
    assert found(manifests, "PodMonitor")


def test_the_times_that_the_page_tells_are_those_of_the_files(tmp_path: Path) -> None:
    told = {
        cells[0]: [float(re.findall(r"\d+", cell)[-1]) for cell in cells[1:]]
        for cells in (
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in PAGE.splitlines()
            if re.match(r"\| (defaults|overlay)", line)
        )
    }
    server = settings().server
    assert told["defaults, compose"][:2] == [server.drain_delay, server.grace]
    for name in ("dev", "production"):
        manifests = deployed(f"overlays/{name}")
        (tmp_path / "settings.toml").write_text(settings_of(manifests)["settings.toml"], "utf-8")
        secrets = {"OPENAI_API_KEY": "sk-none", "MAMBA_AUTH__API_KEY": "at-least-16-characters"}
        server = load(directory=tmp_path, env=secrets).settings.server
        waits = found(manifests, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert told[f"overlay `{name}`"] == [server.drain_delay, server.grace, waits]
