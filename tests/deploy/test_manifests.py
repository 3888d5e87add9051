"""The manifests are what Kubernetes takes, and what its restricted Pod Security Standard allows."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import KUBERNETES, OVERLAYS, Manifest, deployed, documents, found, pod_specs
from tests.deploy.pod_security import is_restricted

KUBECTL = shutil.which("kubectl")
KUSTOMIZATIONS = sorted(path.parent for path in KUBERNETES.rglob("kustomization.yaml"))


def in_order(manifests: list[Manifest]) -> list[Manifest]:
    return sorted(manifests, key=lambda one: (one["kind"], one["metadata"]["name"]))


def without_hash(value: Any) -> Any:
    """Config maps by the names that they have in the files."""
    if isinstance(value, dict):
        return {key: without_hash(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_hash(one) for one in value]
    return re.sub(r"^(mamba-server)-[a-z0-9]{10}$", r"\1", value) if isinstance(value, str) else value


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_manifests_fit_the_schemas_of_the_newest_kubernetes(overlay: str, tmp_path: Path) -> None:
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(deployed(overlay)), "utf-8")
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (ran.stdout + ran.stderr).count(" passed ") == len(deployed(overlay))


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubectl_puts_the_manifests_together_as_these_tests_do(overlay: str) -> None:
    assert KUBECTL is not None
    command = [KUBECTL, "kustomize", str(KUBERNETES / overlay)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stderr
    assert in_order(without_hash(list(yaml.safe_load_all(ran.stdout)))) == in_order(deployed(overlay))


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: str(folder.relative_to(KUBERNETES)))
def test_a_kustomization_uses_every_file_beside_it(folder: Path) -> None:
    (kustomization,) = documents(folder / "kustomization.yaml")
    used = {*kustomization.get("resources", ()), *(patch.get("path") for patch in kustomization.get("patches", ()))}
    used |= {name for generator in kustomization.get("configMapGenerator", ()) for name in generator["files"]}
    assert {path.name for path in folder.iterdir() if path.is_file()} - {"kustomization.yaml"} <= used


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_passes_the_restricted_pod_security_standard(overlay: str) -> None:
    pods = dict(pod_specs(deployed(overlay)))
    assert "mamba-server" in pods
    for pod in pods.values():
        is_restricted(pod)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_service_leads_to_the_port_of_the_pods_that_it_selects(overlay: str) -> None:
    manifests = deployed(overlay)
    for service in (one for one in manifests if one["kind"] == "Service"):
        deployment = found(manifests, "Deployment", service["metadata"]["name"])
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ports = {port["name"] for one in deployment["spec"]["template"]["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_production_lets_nothing_in_or_out_but_what_it_names() -> None:
    manifests = deployed("overlays/production")
    policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
    closed = found(manifests, "NetworkPolicy", "mamba-default-deny")["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert set(closed) == {"podSelector", "policyTypes"}
    for deployment in (one for one in manifests if one["kind"] == "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert closed["podSelector"]["matchLabels"].items() <= labels.items()
        own = [one for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        assert len(own) == 2
    server = found(manifests, "NetworkPolicy")["spec"]
    out = {(port["port"], port["protocol"]) for rule in server["egress"] for port in rule["ports"]}
    assert out == {(53, "UDP"), (53, "TCP"), (6379, "TCP"), (443, "TCP")}
    assert all(rule["to"] for rule in server["egress"])
    outside = {to["ipBlock"]["cidr"]: to["ipBlock"]["except"] for to in server["egress"][-1]["to"]}
    assert "169.254.0.0/16" in outside["0.0.0.0/0"]
    assert "fe80::/10" in outside["::/0"]
    ports = found(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert [rule["ports"] for rule in server["ingress"]] == [
        [{"port": port["containerPort"], "protocol": port["protocol"]} for port in ports]
    ]


def test_production_keeps_serving_while_pods_come_and_go() -> None:
    manifests = deployed("overlays/production")
    deployment = found(manifests, "Deployment")["spec"]
    assert "replicas" not in deployment
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    scaler = found(manifests, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "mamba-server"
    assert scaler["minReplicas"] >= 2
    assert {metric["type"] for metric in scaler["metrics"]} == {"Resource", "Pods"}
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (
        found(manifests, "PodDisruptionBudget")["spec"]["selector"],
        *(one["labelSelector"] for one in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ):
        assert selector["matchLabels"].items() <= labels.items()
