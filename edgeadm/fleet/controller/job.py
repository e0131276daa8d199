"""The objects of a Job on a proxy node."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.apps import fleet
from edgeadm.apps.facts import NAMESPACE
from edgeadm.cluster import Object
from edgeadm.cluster.conditions import is_true
from edgeadm.config.address import HostPort

# Where the Pod finds its files.
SECRETS, WORK = "/secret", "/work"
TOKENS = "tokens.json"
OLD = 6 * 3600
NOBODY = 65534
Dict = dict[str, Any]


@dataclass(frozen=True)
class JobObjects:
    """The objects of the Job `run` for a task; all of them are deleted with the task."""

    owner: Object
    run: str
    image: str
    node: str
    # HOST:PORT of the API server. The Job connects to it directly: lite-apiserver of an edge node would store
    # the package in its cache.
    endpoint: str

    def config_map(self, data: Mapping[str, str]) -> Dict:
        """The document and the results."""
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self._meta(), "data": dict(data)}

    def secret(self, fields: Mapping[str, str]) -> Dict:
        """The credential for SSH, and the tokens of the machines."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": self._meta(),
            "data": data,
        }

    def job(self) -> Dict:
        """The Job. It is not repeated: the controller looks at the machines first. The Pod is in the network
        of the node, from which it reaches the machines."""
        pod = {
            "serviceAccountName": fleet.JOB_ACCOUNT,
            "automountServiceAccountToken": False,
            "nodeName": self.node,
            "hostNetwork": True,
            "dnsPolicy": "Default",
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": NOBODY,
                "runAsGroup": NOBODY,
                "fsGroup": NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [self._container()],
            "volumes": self._volumes(),
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": self._meta(),
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": OLD,
                "template": {"metadata": {"labels": {"app": fleet.JOB_ACCOUNT}}, "spec": pod},
            },
        }

    def _meta(self) -> Dict:
        meta = self.owner["metadata"]
        owner = {
            "apiVersion": self.owner["apiVersion"],
            "kind": self.owner["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
        return {
            "name": self.run,
            "namespace": NAMESPACE,
            "labels": {"app": fleet.JOB_ACCOUNT},
            "ownerReferences": [owner],
        }

    def _container(self) -> Dict:
        return {
            "name": fleet.JOB_ACCOUNT,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "args": [
                "fleet-job",
                f"--secret={SECRETS}",
                f"--work={WORK}",
                f"--task={self.run}",
            ],
            "env": [{"name": name, "value": value} for name, value in self._environment().items()],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "50m", "memory": "96Mi"},
                "limits": {"cpu": "2", "memory": "1Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "secret", "mountPath": SECRETS, "readOnly": True},
                {
                    "name": "api-access",
                    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                    "readOnly": True,
                },
                {"name": "work", "mountPath": WORK},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  in the container
            ],
        }

    def _environment(self) -> dict[str, str]:
        api = HostPort.parse(self.endpoint)
        server = {"KUBERNETES_SERVICE_HOST": api.host, "KUBERNETES_SERVICE_PORT": str(api.port)}
        return {"HOME": WORK, "XDG_CACHE_HOME": WORK} | server

    def _volumes(self) -> list[Dict]:
        token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
        ca = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
        return [
            {"name": "secret", "secret": {"secretName": self.run, "defaultMode": 0o440}},
            {"name": "api-access", "projected": {"defaultMode": 0o440, "sources": [token, ca]}},
            {"name": "work", "emptyDir": {"sizeLimit": "4Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ]


def has_ended(job: Object) -> bool:
    """Whether the Job has succeeded or failed."""
    return is_true(job, "Complete") or is_true(job, "Failed")
