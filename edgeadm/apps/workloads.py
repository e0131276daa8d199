"""Conditions for workloads of the edge components."""

from __future__ import annotations

from collections.abc import Callable

from edgeadm.apps.facts import NAMESPACE
from edgeadm.cluster import Awaited, Object


def is_noticed(obj: Object) -> bool:
    """Whether a DaemonSet's controller has observed its current generation. Edge nodes may be offline, so its
    Pods are not awaited."""
    status = obj.get("status") or {}
    return bool(status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0))


def runs_somewhere(obj: Object) -> bool:
    """Whether a DaemonSet's controller has observed its current generation, and one Pod is ready: other nodes
    may be off."""
    return is_noticed(obj) and (obj.get("status") or {}).get("numberReady", 0) > 0


def workload(what: str, kind: str, name: str, fits: Callable[[Object], bool]) -> Awaited:
    """A condition for a workload of the edge components."""
    return Awaited(what, "apps/v1", kind, name, fits, NAMESPACE)
