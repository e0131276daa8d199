"""The objects of one component in the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeadm.apps.facts import has_cluster
from edgeadm.cluster import Cluster, Object
from edgeadm.core.phase import Context
from edgeadm.render import OWNER_LABEL

COMPONENT_LABEL = "edgeadm.io/component"
BOOTSTRAP = "bootstrap"  # the component that creates missing bootstrap objects
# Every kind that a component may have, in the order in which its objects go.
KINDS = (
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Service"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)


def present(ctx: Context, component: str) -> list[Object]:
    """Every object of the component that is in the cluster."""
    if not has_cluster(ctx):
        return []
    cluster, labels = ctx.connect(), f"{OWNER_LABEL}=edgeadm,{COMPONENT_LABEL}={component}"
    return [
        {"apiVersion": api, "kind": kind, "metadata": dict(obj["metadata"])}
        for api, kind in KINDS
        for obj in cluster.list_objects(api, kind, labels=labels)
    ]


def find(cluster: Cluster, obj: Mapping[str, Any]) -> Object | None:
    """The existing object with this name, or None."""
    api, kind, namespace, name = key(obj)
    return cluster.get(api, kind, name, namespace)


def delete(ctx: Context, obj: Object) -> None:
    """Delete the object, and report it."""
    api, kind, namespace, name = key(obj)
    if ctx.connect().delete(api, kind, name, namespace):
        ctx.say(f"removed {title(obj)}")


def key(obj: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """API, kind, namespace and name."""
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace") or "", meta["name"]


def title(obj: Mapping[str, Any]) -> str:
    """`Kind/namespace/name`."""
    return "/".join(part for part in key(obj)[1:] if part)
