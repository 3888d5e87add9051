"""The Kubernetes manifests, put together as `kubectl kustomize` does, for machines that have no kubectl.

Only what our kustomizations use is known here; anything else is an error. Where there is a kubectl, a test compares.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.sources import ROOT

__all__ = ["DEPLOY", "KUBERNETES", "OVERLAYS", "Manifest", "deployed", "documents", "found", "pod_specs", "settings_of"]

Manifest = dict[str, Any]

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("base", "overlays/dev", "overlays/production")

_KNOWN = {"apiVersion", "kind", "resources", "components", "labels", "configMapGenerator", "images", "patches"}


def documents(path: Path) -> list[Manifest]:
    """Every document of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document is not None]


def deployed(name: str) -> list[Manifest]:
    """What `kubectl apply -k deploy/kubernetes/NAME` sends, but for the hashes in the names of config maps."""
    return _built(KUBERNETES / name, [])


def found(manifests: list[Manifest], kind: str, name: str = "mamba-server") -> Manifest:
    """The one manifest of that kind and name."""
    (manifest,) = (one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name)
    return manifest


def pod_specs(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The specification of every pod, with its deployment's name."""
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def settings_of(manifests: list[Manifest], name: str = "mamba-server") -> dict[str, str]:
    """The settings files that the server finds, by name."""
    files: dict[str, str] = found(manifests, "ConfigMap", name)["data"]
    return files


def _built(folder: Path, given: list[Manifest]) -> list[Manifest]:
    (kustomization,) = documents(folder / "kustomization.yaml")
    assert set(kustomization) <= _KNOWN, set(kustomization) - _KNOWN
    manifests = list(given)
    for entry in kustomization.get("resources", ()):
        path = folder / entry
        manifests += _built(path, []) if path.is_dir() else documents(path)
    for generator in kustomization.get("configMapGenerator", ()):
        _generate(manifests, generator, folder)
    for labels in kustomization.get("labels", ()):
        for manifest in manifests:
            _label(manifest, labels)
    for entry in kustomization.get("components", ()):
        manifests = _built((folder / entry).resolve(), manifests)
    for patch in kustomization.get("patches", ()):
        _patch(manifests, patch, folder)
    for image in kustomization.get("images", ()):
        for _, pod in pod_specs(manifests):
            for container in pod["containers"]:
                if container["image"] == image["name"]:
                    container["image"] += f":{image['newTag']}"
    return manifests


def _generate(manifests: list[Manifest], generator: Manifest, folder: Path) -> None:
    data = {name: (folder / name).read_text("utf-8") for name in generator["files"]}
    if generator.get("behavior") == "merge":
        found(manifests, "ConfigMap", generator["name"])["data"] |= data
    else:
        metadata = {"name": generator["name"]}
        manifests.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _label(manifest: Manifest, labels: Manifest) -> None:
    assert labels["includeSelectors"]
    assert labels["includeTemplates"]
    pairs = labels["pairs"]
    manifest["metadata"].setdefault("labels", {}).update(pairs)
    if manifest["kind"] == "Deployment":
        manifest["spec"].setdefault("selector", {}).setdefault("matchLabels", {}).update(pairs)
        manifest["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {}).update(pairs)
    if manifest["kind"] == "Service":
        manifest["spec"].setdefault("selector", {}).update(pairs)


def _patch(manifests: list[Manifest], patch: Manifest, folder: Path) -> None:
    if "path" in patch:
        (change,) = documents(folder / patch["path"])
        target = found(manifests, change["kind"], change["metadata"]["name"])
        target.update(_merged(target, change))
        return
    target = found(manifests, patch["target"]["kind"], patch["target"]["name"])
    for operation in yaml.safe_load(patch["patch"]):
        _operate(target, operation)


def _operate(target: Any, operation: Manifest) -> None:
    """RFC 6902. What is replaced or removed must be there."""
    *parents, last = operation["path"].removeprefix("/").split("/")
    for part in parents:
        target = target[int(part) if isinstance(target, list) else part]
    match operation["op"]:
        case "add" if last == "-":
            target.append(operation["value"])
        case "replace":
            assert last in target
            target[last] = operation["value"]
        case "remove":
            del target[last]
        case other:
            raise ValueError(f"{other} is not known here")


def _merged(value: Any, change: Any) -> Any:
    """A strategic merge: tables by key, lists of named things by name (new ones first), null removes."""
    if isinstance(value, dict) and isinstance(change, dict):
        result = copy.deepcopy(value)
        for key, new in change.items():
            if new is None:
                result.pop(key, None)
            else:
                result[key] = _merged(result[key], new) if key in result else copy.deepcopy(new)
        return result
    if isinstance(value, list) and isinstance(change, list) and all("name" in one for one in (*value, *change)):
        changes = {one["name"]: one for one in change}
        kept = [_merged(one, changes.pop(one["name"], {})) for one in value]
        return [*changes.values(), *kept]
    return copy.deepcopy(change)
