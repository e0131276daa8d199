"""Removal of the cluster's state on this host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.node import ownership


@dataclass(frozen=True)
class RemoveData(Phase):
    """Removes the files of the cluster's programs: state, certificates, logs of Pods, and edgeadm's
    containerd with its images. Directories that were not empty before edgeadm are kept."""

    name: str = "data"
    summary: str = "remove the state of kubelet, etcd, network plugins and runtime"

    def check(self, ctx: Context) -> Verdict:
        found = [path for path, _ in _to_remove(ctx)]
        if not found:
            return Verdict(needed=False, reason="no cluster state is left")
        return Verdict(needed=True, reason=f"to remove: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        for path, mode in _to_remove(ctx):
            keep = facts.is_mount_point(ctx.host, path) or mode is not None
            inside = ["-mindepth", "1"] if keep else []
            # What could not be unmounted is not entered.
            ctx.host.run("find", path, "-xdev", *inside, "-delete")
            if mode is not None:
                ctx.host.run("chmod", f"{mode:o}", path)


def places(ctx: Context) -> Iterator[str]:
    """What the programs of this node made, those that the phases which ran here have started."""
    found: dict[str, None] = {}
    for leaves in ctx.inventory.every:
        ran = ownership.owns_one(ctx, leaves.units) if leaves.units else ownership.had_cluster(ctx)
        found |= dict.fromkeys(leaves.places if leaves.places and ran else ())
    yield from found


def _to_remove(ctx: Context) -> list[tuple[str, int | None]]:
    """Path, and the mode to give back to a folder that was there, and empty, before edgeadm."""
    found: list[tuple[str, int | None]] = []
    for path in places(ctx):
        there, was = ctx.host.stat(path), ownership.was_there(ctx, path)
        if there is None or (was is not None and (was["kind"] != "dir" or not was["empty"])):
            continue
        mode = int(str(was["mode"])) if was is not None else None
        names = [name for name in ctx.host.names(path) if name != "lost+found"]
        if (
            names
            or (mode is None and not facts.is_mount_point(ctx.host, path))
            or there.mode != (mode if mode is not None else there.mode)
        ):
            found.append((path, mode))
    return found
