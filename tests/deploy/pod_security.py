"""What Kubernetes' restricted Pod Security Standard asks of a pod, and what we ask on top of it."""

from __future__ import annotations

from tests.deploy.manifests import Manifest

__all__ = ["is_restricted"]

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip


def is_restricted(pod: Manifest) -> None:
    """Fails where the pod breaks a rule, or has a root that can be written, a token, or no limits."""
    assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers"))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["runAsGroup"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not set(security) & {"sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions", "supplementalGroups"}
    for volume in pod.get("volumes", ()):
        assert set(volume) - {"name"} <= _VOLUMES
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        }
        assert not any("hostPort" in port for port in container.get("ports", ()))
        resources = container["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert "memory" in resources["limits"]
