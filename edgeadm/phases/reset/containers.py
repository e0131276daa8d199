"""The end of units, and of processes of Pods."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import CommandError, WaitError
from edgeadm.hosts.units import UnitState, unit_states
from edgeadm.node import ownership
from edgeadm.node.pods import pod_processes
from edgeadm.node.units import KUBELET, KUBELET_FILE

CGROUPS = "/sys/fs/cgroup"
PATIENCE = 2.0
POLL = 0.1


@dataclass(frozen=True)
class StopUnits(Phase):
    """Stops edgeadm's units, and any kubelet, which would start Pods again. edgeadm's containerd is stopped
    here, too: the next phase ends its containers."""

    name: str = "units"
    summary: str = "stop and disable the kubelet and edgeadm's units"

    def check(self, ctx: Context) -> Verdict:
        names = _to_stop(ctx)
        if not names and not _foreign_kubelet(ctx):
            return Verdict(needed=False, reason="no unit of edgeadm is running or enabled")
        return Verdict(needed=True, reason=f"to stop: {', '.join(names or ['kubelet'])}")

    def apply(self, ctx: Context) -> None:
        for name in _to_stop(ctx):
            ctx.host.run("systemctl", "disable", "--now", "--quiet", name)
            ctx.say(f"stopped {name}")
        if _foreign_kubelet(ctx):
            ctx.host.run("systemctl", "stop", "kubelet")


@dataclass(frozen=True)
class EndContainers(Phase):
    """Ends the remaining processes of Pods: those of a runtime that failed, or of an interrupted kubeadm."""

    name: str = "containers"
    summary: str = "stop the remaining processes of Pods, and remove their cgroups"

    def check(self, ctx: Context) -> Verdict:
        if not ownership.had_cluster(ctx):
            return Verdict(needed=False, reason="edgeadm ran no Pods on this host")
        pids, groups = list(pod_processes(ctx)), _cgroups(ctx)
        if not pids and not groups:
            return Verdict(needed=False, reason="no process of a Pod is left")
        return Verdict(needed=True, reason=f"{len(pids)} processes and {len(groups)} cgroup trees of Pods")

    def apply(self, ctx: Context) -> None:
        with suppress(WaitError):  # a process that the kernel holds: its cgroup is tried all the same
            ctx.wait.until("no process of a pod is left", lambda: _killed(ctx), seconds=PATIENCE, every=POLL)
        slices = _slices(ctx)
        if slices:
            ctx.host.run("systemctl", "stop", *slices)
        for folder in _cgroups(ctx):
            ctx.host.run("find", folder, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+")


def _killed(ctx: Context) -> bool:
    """Whether there was nothing to kill any more."""
    pids = list(pod_processes(ctx))
    if pids:
        with suppress(CommandError):  # one of them ended by itself meanwhile
            ctx.host.run("kill", "-KILL", *pids)
    return not pids


def _to_stop(ctx: Context) -> list[str]:
    """edgeadm's units that are running or start at boot, in stop order."""
    names = [unit.name for unit in ctx.inventory.units if ownership.owns(ctx, unit.file)]
    states = unit_states(ctx.host, *names) if names else {}
    return [name for name in names if name in states and (states[name].in_use or states[name].enabled)]


def _foreign_kubelet(ctx: Context) -> bool:
    if ownership.owns(ctx, KUBELET_FILE) or not ownership.had_cluster(ctx):
        return False
    return unit_states(ctx.host, KUBELET).get(KUBELET, UnitState()).in_use


def _cgroups(ctx: Context) -> list[str]:
    """The pods' trees, in every hierarchy that there is."""
    tops = [CGROUPS, *(f"{CGROUPS}/{name}" for name in ctx.host.names(CGROUPS))]
    trees = [f"{top}/{name}" for top in tops for name in ("kubepods.slice", "kubepods")]
    found = [tree for tree in trees if ctx.host.stat(tree) is not None]
    return [tree for tree in found if _is_real(ctx, tree.rpartition("/")[0])]


def _is_real(ctx: Context, top: str) -> bool:
    """Not one of the links that give a hierarchy of two controllers a second name."""
    found = ctx.host.stat(top)
    return found is not None and found.kind == "dir"


def _slices(ctx: Context) -> list[str]:
    listed = ctx.host.ask(
        "systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager", "kubepods*"
    )
    names = (line.split()[0] for line in listed.out.splitlines() if line.strip())
    return [name for name in names if name.endswith(".slice")]
