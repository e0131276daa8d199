"""Removal of the edge components from a running cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeadm.apps.api_servers import wired_elsewhere
from edgeadm.apps.egress_files import CONFIG, FLAG
from edgeadm.apps.facts import NAMESPACE, has_cluster, is_edge_node, nodes
from edgeadm.apps.fleet import CONTROLLER
from edgeadm.apps.forced import unless_forced
from edgeadm.apps.manual_steps import running
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import EdgeadmError
from edgeadm.phases.edge_apps.application_grid import grids, refuse_grids
from edgeadm.phases.edge_apps.site_manager import of_users


class EdgeNodesError(EdgeadmError):
    """The cluster contains edge nodes, which depend on the components."""

    code = "edge-nodes"
    exit_code = 2


class StillWiredError(EdgeadmError):
    """Another control plane's API server uses the tunnel, and could not reach nodes without it."""

    code = "still-wired"
    exit_code = 2


class SitesError(EdgeadmError):
    """Users' NodeUnits or NodeGroups are in the cluster, and would be deleted with their controller."""

    code = "sites"
    exit_code = 2


class FleetAttachedError(EdgeadmError):
    """The fleet controller is in the cluster, and requires the edge components."""

    code = "fleet-attached"
    exit_code = 2


class Detachable(Protocol):
    """A phase whose component can be removed from a running cluster."""

    @property
    def name(self) -> str: ...

    def detached(self, ctx: Context) -> list[str]:
        """The changes that would be reverted."""

    def detach(self, ctx: Context) -> None:
        """Revert them. May be repeated."""


@dataclass(frozen=True)
class MayDetach(Phase):
    """Stops if edge nodes or other control planes depend on the components. `--force` permits edge nodes:
    their Pods keep running, but without logs and exec, and requests of new edge nodes are not approved."""

    name: str = "preflight"
    summary: str = "check that the components are no longer in use"

    def check(self, ctx: Context) -> Verdict:
        found = [*_edge_nodes(ctx), *wired_elsewhere(ctx), *grids(ctx), *of_users(ctx)]
        found += ["the fleet controller"] if _has_fleet(ctx) else []
        own = running(ctx) if has_cluster(ctx) else None
        found += ["this host's API server"] if own is not None and own.is_wired else []
        if found:
            return Verdict(needed=True, reason=f"still in use by: {', '.join(found)}")
        return Verdict(needed=False, reason="no edge node, grid, site or other control plane uses them")

    def apply(self, ctx: Context) -> None:
        if _has_fleet(ctx):
            raise FleetAttachedError(
                "the fleet controller is installed", hint="run `edgeadm detach fleet` first"
            )
        self._sites(ctx)
        others = wired_elsewhere(ctx)
        if others:
            raise StillWiredError(
                f"the API servers of other control planes use the tunnel: {', '.join(others)}",
                hint="run `edgeadm detach edge-apps phase api-server` on each of them first",
            )
        found = running(ctx) if has_cluster(ctx) else None
        if found is not None and found.is_wired:
            raise StillWiredError(
                "the API server on this host uses the tunnel and is not a static Pod",
                hint=f"remove `--{FLAG}={CONFIG}` from its command line, and restart it",
            )
        refuse_grids(ctx)
        edges = _edge_nodes(ctx)
        if not edges:
            return
        refusal = EdgeNodesError(
            f"edge nodes are in the cluster: {', '.join(edges)}",
            hint=(
                "remove them with `edgeadm reset` on each and `kubectl delete node`; with `--force` their "
                "Pods keep running without logs and exec, and their certificates are not renewed"
            ),
        )
        lost = "their tunnel, their DNS, and the CSR approver"
        unless_forced(ctx, refusal, f"these edge nodes lose {lost}: {', '.join(edges)}")

    def _sites(self, ctx: Context) -> None:
        sites = of_users(ctx)
        if not sites:
            return
        refusal = SitesError(
            f"the cluster contains NodeUnits and NodeGroups: {', '.join(sites)}",
            hint=(
                "delete them with `kubectl delete`, which removes their labels from the nodes; `--force` "
                "deletes them with the components"
            ),
        )
        unless_forced(
            ctx, refusal, f"these are deleted, with the labels that they set on nodes: {', '.join(sites)}"
        )


@dataclass(frozen=True)
class Detach(Phase):
    """Removes a component from a running cluster: its objects, the objects that it created, and its changes
    to this host."""

    of: Detachable

    @property
    def name(self) -> str:
        return self.of.name

    @property
    def summary(self) -> str:
        return f"undo the phase `{self.of.name}`"

    def check(self, ctx: Context) -> Verdict:
        found = self.of.detached(ctx)
        if not found:
            return Verdict(needed=False, reason="nothing to remove")
        return Verdict(needed=True, reason=f"to remove: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        self.of.detach(ctx)


def _has_fleet(ctx: Context) -> bool:
    if not has_cluster(ctx):
        return False
    return ctx.connect().get("apps/v1", "Deployment", CONTROLLER, NAMESPACE) is not None


def _edge_nodes(ctx: Context) -> list[str]:
    return [node["metadata"]["name"] for node in nodes(ctx) if is_edge_node(node)]
