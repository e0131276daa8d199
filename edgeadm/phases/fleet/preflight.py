"""Checks before the fleet controller is installed or removed."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.apps import fleet
from edgeadm.apps.facts import NAMESPACE, has_cluster
from edgeadm.apps.forced import unless_forced
from edgeadm.apps.settings import CONFIG_MAP
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import EdgeadmError
from edgeadm.kubeadm.compat import has_admission_policies


class FleetClusterError(EdgeadmError):
    """The fleet controller requires an edge cluster with Kubernetes v1.30 or later."""

    code = "fleet-cluster"
    exit_code = 2


class UnfinishedTasksError(EdgeadmError):
    """The cluster contains NodeTasks or Clusters that are not finished."""

    code = "unfinished-tasks"
    exit_code = 2


@dataclass(frozen=True)
class MayAddFleet(Phase):
    """Stops if the cluster has no edge components, or an API server without ValidatingAdmissionPolicy, which
    limits the permissions of the controller."""

    name: str = "preflight"
    summary: str = "check that the cluster can run the fleet controller"

    def check(self, ctx: Context) -> Verdict:
        found = _obstacle(ctx)
        return Verdict(needed=bool(found), reason=found or "the cluster can run the fleet controller")

    def apply(self, ctx: Context) -> None:
        found = _obstacle(ctx)
        if found:
            raise FleetClusterError(found, hint="run `edgeadm init` or `edgeadm addon edge-apps` first")


@dataclass(frozen=True)
class MayDetachFleet(Phase):
    """Stops if NodeTasks are not finished. `--force` deletes them; machines that are being installed finish,
    but their nodes get no label."""

    name: str = "preflight"
    summary: str = "check that all NodeTasks are finished"

    def check(self, ctx: Context) -> Verdict:
        found = unfinished(ctx)
        if found:
            return Verdict(needed=True, reason=f"not finished: {', '.join(found)}")
        return Verdict(needed=False, reason="no NodeTask is unfinished")

    def apply(self, ctx: Context) -> None:
        found = unfinished(ctx)
        if not found:
            return
        refusal = UnfinishedTasksError(
            f"NodeTasks are not finished: {', '.join(found)}",
            hint="wait for them, or delete them with `kubectl delete nt`; `--force` deletes them, too",
        )
        unless_forced(ctx, refusal, f"these NodeTasks are deleted unfinished: {', '.join(found)}")


def unfinished(ctx: Context) -> list[str]:
    """The names of NodeTasks and Clusters that are not finished."""
    if not has_cluster(ctx):
        return []
    tasks = ctx.connect().list_objects(fleet.API, fleet.KIND)
    clusters = ctx.connect().list_objects(fleet.CLUSTER_API, fleet.CLUSTER)
    begun = [
        f"Cluster/{each['metadata']['name']}"
        for each in clusters
        if (each.get("status") or {}).get("phase", fleet.INITIALIZING) == fleet.INITIALIZING
    ]
    return begun + [
        each["metadata"]["name"]
        for each in tasks
        # The controller has not seen a task without a status; a refused task is finished.
        if (each.get("status") or {"nodetaskStatus": fleet.CREATING}).get("nodetaskStatus") == fleet.CREATING
    ]


def _obstacle(ctx: Context) -> str:
    if not has_cluster(ctx):
        return "there is no cluster yet"
    cluster = ctx.connect()
    version = cluster.version()
    if not version:
        return ""
    if not has_admission_policies(version):
        return f"the API server has version {version}, the fleet controller requires v1.30 or later"
    if cluster.get("v1", "ConfigMap", CONFIG_MAP, NAMESPACE) is None:
        return f"the cluster has no edge components: ConfigMap/{NAMESPACE}/{CONFIG_MAP} does not exist"
    return ""
