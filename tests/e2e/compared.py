"""The contents of a cluster's API and of its control plane's directories, to compare before and after."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgeadm.hosts import Result
from edgeadm.sandbox import Node
from tests.e2e.waiting import until

Kubectl = Callable[..., Result]
# What Kubernetes writes by itself about what happened, and what changes with every heartbeat.
PASSING = (
    "componentstatuses",
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "certificatesigningrequests.certificates.k8s.io",
    "controllerrevisions.apps",
    # Made from Services and Pods, which are compared themselves; in the order in which Pods became ready.
    "endpoints",
    "endpointslices.discovery.k8s.io",
)
# Of an object, what the API server counts and what controllers report.
COUNTED = ("resourceVersion", "uid", "generation", "creationTimestamp", "managedFields")
# Notes of the time: when the kubelet read a manifest, when an endpoint changed, how often a workload did.
NOTED = (
    "kubernetes.io/config.seen",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
)
# Their Pods and other objects have random names: the workloads are compared instead.
MAKERS = ("Deployment", "ReplicaSet", "DaemonSet")


def objects(kubectl: Kubectl) -> dict[str, Any]:
    """Every object of the API by kind, namespace and name, without counters and transient fields."""
    kinds = kubectl("api-resources", "--verbs=list", "-o", "name").out.split()
    wanted = ",".join(kind for kind in kinds if kind not in PASSING)
    found = json.loads(kubectl("get", wanted, "-A", "-o", "json").out)["items"]
    return {name_of(each): bare(each) for each in found if not is_made(each)}


def is_made(obj: dict[str, Any]) -> bool:
    return any(owner["kind"] in MAKERS for owner in obj["metadata"].get("ownerReferences", []))


def settled(kubectl: Kubectl) -> dict[str, Any]:
    """The objects, once two consecutive reads are equal, because the controllers of a new cluster are done
    then."""
    looks = [objects(kubectl)]

    def unchanged() -> bool:
        looks.append(objects(kubectl))
        return looks[-1] == looks[-2]

    until(unchanged, "the cluster's own controllers are done")
    return looks[-1]


def name_of(obj: dict[str, Any]) -> str:
    meta = obj["metadata"]
    return "/".join([obj["kind"], meta.get("namespace", ""), meta["name"]])


def bare(obj: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in obj["metadata"].items() if key not in COUNTED}
    for name in NOTED:
        meta.get("annotations", {}).pop(name, None)
    return {key: value for key, value in obj.items() if key not in ("status", "metadata")} | {
        "metadata": meta
    }


def files(node: Node, *folders: str) -> str:
    """Every file in these directories with its mode and hash."""
    script = 'find "$@" -printf "%p %y %m\n" | sort; find "$@" -type f -print0 | sort -z | xargs -0 sha256sum'
    return node.exec(["sh", "-c", script, "sh", *folders]).out


def differences(before: Any, now: Any, at: str) -> list[str]:
    """Each difference, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted(before.keys() | now.keys())
        return [line for key in keys for line in differences(before.get(key), now.get(key), f"{at} {key}")]
    return [] if before == now else [f"{at}: {str(before)[:200]} → {str(now)[:200]}"]


@dataclass
class Tidying:
    """Whether the API has its previous content within two minutes; `left` contains the differences."""

    before: dict[str, Any]
    kubectl: Kubectl
    # ServiceAccounts and other objects that other controllers may have created meanwhile.
    but: tuple[str, ...] = ()
    left: list[str] = field(default_factory=list)
    end: float = field(default_factory=lambda: time.monotonic() + 120)

    def __call__(self) -> bool:
        now = objects(self.kubectl)
        names = sorted((self.before.keys() | now.keys()) - set(self.but))
        pairs = [(name, self.before.get(name), now.get(name)) for name in names]
        self.left = [line for name, old, new in pairs for line in differences(old, new, name)]
        return not self.left or time.monotonic() > self.end
