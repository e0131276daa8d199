"""Predicates on `status.conditions` of objects."""

from __future__ import annotations

from edgeadm.cluster.base import Object


def is_true(obj: Object, kind: str) -> bool:
    """Whether the condition of this type is true."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


def is_ready(obj: Object) -> bool:
    """Whether a Node or Pod is Ready."""
    return is_true(obj, "Ready")


def is_established(obj: Object) -> bool:
    """Whether the API serves the objects of a CustomResourceDefinition."""
    return is_true(obj, "Established")


def is_available(obj: Object) -> bool:
    """Whether a Deployment has all its Pods."""
    return is_true(obj, "Available")


def is_rolled_out(obj: Object) -> bool:
    """Whether all Pods of a Deployment belong to its current revision, and one of them is available."""
    status, wanted = obj.get("status") or {}, (obj.get("spec") or {}).get("replicas", 1)
    current = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    fresh = status.get("updatedReplicas", 0) >= wanted and status.get("replicas", 0) <= wanted
    return bool(current and fresh and status.get("availableReplicas", 0) >= wanted)
