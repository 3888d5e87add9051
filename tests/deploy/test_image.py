"""The image is what manifests and compose take it for."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from anyio import to_thread

from mamba_app.probe import main as probe
from tests.app.harness import running_app
from tests.architecture.sources import ROOT
from tests.deploy.manifests import DEPLOY, OVERLAYS, deployed, found

UID = 1000
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction with its arguments on one line; comments are left out."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line:
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())


def last_stage() -> dict[str, list[str]]:
    """What the image is made of, by instruction."""
    stage: dict[str, list[str]] = {}
    for name, rest in instructions():
        if name == "FROM":
            stage = {}
        stage.setdefault(name, []).append(rest)
    return stage


def variables() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in last_stage()["ENV"] for pair in line.split())


def test_both_stages_stand_on_the_base_that_the_builder_names() -> None:
    assert [rest for name, rest in instructions() if name == "FROM"] == ["${BASE_IMAGE} AS build", "${BASE_IMAGE}"]


def test_the_wheels_for_a_build_without_a_network_fit_an_older_patch_release_of_python(tmp_path: Path) -> None:
    """What depends on the patch release is fetched whatever this machine has; Debian 12's Python is 3.11.2."""
    recipe = subprocess.run(
        ["make", "--dry-run", "wheels"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "build").mkdir()
    (choice,) = (line for line in recipe.splitlines() if line.startswith("sed "))
    subprocess.run(choice, shell=True, cwd=tmp_path, check=True)
    chosen = (tmp_path / "build" / "wheels.lock").read_text("utf-8")
    assert re.search(r"^async-timeout==\S+ \\$", chosen, re.MULTILINE)
    assert "python_full_version >= '3.12'" in chosen
    (download,) = (line for line in recipe.splitlines() if "pip" in line and " download " in line)
    assert "--requirement build/wheels.lock" in download


def test_every_package_is_installed_by_its_hash_and_none_is_built() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    commands = [part for rest in installs for part in rest.split(";") if "pip install" in part]
    assert len(commands) == 2
    assert all(flag in commands[0] for flag in ("--require-hashes", "--only-binary :all:", "/build/image.lock"))
    assert all(flag in commands[1] for flag in ("--no-index", "--no-deps", "mamba_server-*.whl"))


def test_what_is_copied_is_sent_to_the_builder_and_nothing_else_is() -> None:
    ignored, *allowed = (ROOT / ".containerignore").read_text("utf-8").split()
    copied = [rest.split()[0].rstrip("/") for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    assert ignored == "*"
    assert sorted(f"!{path}" for path in copied) == sorted(allowed)


def test_the_image_runs_as_the_user_that_everybody_names() -> None:
    assert last_stage()["USER"] == [f"{UID}:{UID}"]
    assert f"mamba:x:{UID}:{UID}:" in last_stage()["RUN"][0]
    assert COMPOSE["services"]["mamba"]["user"] == f"{UID}:{UID}"
    for overlay in OVERLAYS:
        security = found(deployed(overlay), "Deployment")["spec"]["template"]["spec"]["securityContext"]
        assert security["runAsUser"] == security["runAsGroup"] == security["fsGroup"] == UID


def test_nothing_in_the_image_takes_the_rights_of_its_owner() -> None:
    assert last_stage()["RUN"][0].endswith("find / -xdev -type f -perm /6000 -exec chmod a-s {} +")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_start_what_the_image_starts(overlay: str) -> None:
    container = found(deployed(overlay), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert json.loads(last_stage()["ENTRYPOINT"][0]) == ["mamba-server"]
    assert "command" not in container
    (command,) = json.loads(last_stage()["CMD"][0])
    assert container["args"][0] == command
    help_text = subprocess.run(
        [sys.executable, "-m", "mamba_app", command, "--help"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    assert all(option in help_text for option in container["args"][1:])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_mounted_where_the_image_looks_for_them(overlay: str) -> None:
    container = found(deployed(overlay), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {variables()["MAMBA_CONFIG_DIR"], "/tmp"}
    assert {"name": "MAMBA_CONFIG_DIR", "value": variables()["MAMBA_CONFIG_DIR"]} in container["env"]


def test_the_port_is_the_same_everywhere() -> None:
    (exposed,) = last_stage()["EXPOSE"]
    for overlay in OVERLAYS:
        container = found(deployed(overlay), "Deployment")["spec"]["template"]["spec"]["containers"][0]
        assert [str(port["containerPort"]) for port in container["ports"]] == [exposed]
    assert [entry.rpartition(":")[2] for entry in COMPOSE["services"]["mamba"]["ports"]] == [exposed]


def test_compose_gives_the_server_no_more_rights_than_kubernetes_does() -> None:
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")
        assert {"mem_limit", "pids_limit", "restart"} <= set(service)
    assert COMPOSE["services"]["mamba"]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert "ports" not in COMPOSE["services"]["redis"]
    assert COMPOSE["services"]["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]


def test_compose_names_its_redis_as_the_server_is_told() -> None:
    url = COMPOSE["services"]["mamba"]["environment"]["MAMBA_REDIS__URL"]
    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    assert host in COMPOSE["services"]
    assert port == "6379"


def test_the_health_check_is_a_module_of_the_server() -> None:
    (check,) = last_stage()["HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-m"]
    assert importlib.util.find_spec(command[2]) is not None
    timeout = re.search(r"--timeout=(\d+)s", check)
    assert timeout is not None
    assert int(timeout[1]) > 2


async def test_the_health_check_says_whether_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_app() as app:
        monkeypatch.setenv("MAMBA_SERVER__PORT", str(app.port))
        assert await to_thread.run_sync(probe) == 0
        app.application.readiness.ready = False
        assert await to_thread.run_sync(probe) == 0
        assert await to_thread.run_sync(probe, "/health/ready") == 1
    assert await to_thread.run_sync(probe) == 1


def test_the_image_is_labelled_with_what_the_makefile_passes() -> None:
    declared = {rest.partition("=")[0] for name, rest in instructions() if name == "ARG"}
    passed = set(re.findall(r"--build-arg (\w+)=", (ROOT / "Makefile").read_text("utf-8")))
    assert passed == declared
    labels = re.findall(r"org\.opencontainers\.image\.(\w+)=", last_stage()["LABEL"][0])
    assert sorted(labels) == ["description", "licenses", "revision", "title", "version"]


def test_a_secret_beside_the_sources_does_not_reach_the_builder() -> None:
    patterns = (ROOT / ".containerignore").read_text("utf-8").split()
    kept = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    assert not any(fnmatch(name, pattern) for name in (".env", ".secrets.toml", ".git") for pattern in kept)
