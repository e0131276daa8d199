"""Restoration of every file that edgeadm wrote."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from edgeadm.config.kubeadm_defaults import MANIFESTS
from edgeadm.core.journal import Record
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.core.restore import restore
from edgeadm.errors import CommandError
from edgeadm.node import ownership
from edgeadm.node.state import KUBEADM


@dataclass(frozen=True)
class RestoreFiles(Phase):
    """Restores every file that edgeadm wrote or removed from its backup, or removes it. Directories that were
    created for them are removed when they are empty."""

    name: str = "files"
    summary: str = "restore every file that edgeadm wrote"

    def check(self, ctx: Context) -> Verdict:
        paths = {str(record.detail["path"]) for record in ownership.changes(ctx)}
        folders = _empty_folders(ctx) if _had_others(ctx) else []
        if not paths and not folders:
            return Verdict(needed=False, reason="every file is restored")
        return Verdict(needed=True, reason=f"{len(paths)} files, {len(folders)} empty directories")

    def apply(self, ctx: Context) -> None:
        units = [unit for unit in ctx.inventory.units if ownership.owns(ctx, unit.file)]
        tidy = _had_others(ctx)  # asked while the files that tell it are there
        restore(ctx.host, _without_the_cluster(ctx))
        ctx.journal.undone_all()
        for folder in _empty_folders(ctx) if tidy else ():
            ctx.host.run("rmdir", folder)
        if units:
            ctx.host.run("systemctl", "daemon-reload")
            for unit in units:
                # A unit that failed is remembered by systemd even when its file is gone.
                with suppress(CommandError):
                    ctx.host.run("systemctl", "reset-failed", unit.name)


def _without_the_cluster(ctx: Context) -> list[Record]:
    """The changes, those of kubeadm's manifests as if nothing had been there: they went with the cluster, and
    a kubelet would start what is in them."""
    return [
        replace(each, detail=each.detail | {"before": None}) if each in _of_kubeadm(ctx) else each
        for each in ownership.changes(ctx)
    ]


def _of_kubeadm(ctx: Context) -> list[Record]:
    """Changes of manifests after kubeadm ran for edgeadm: the previous content was kubeadm's."""
    records = ctx.journal.records()
    ran = [at for at, each in enumerate(records) if (each.phase, each.event) == (KUBEADM, "started")]
    after = records[ran[0] :] if ran else []
    return [each for each in after if str(each.detail.get("path", "")).startswith(f"{MANIFESTS}/")]


def _had_others(ctx: Context) -> bool:
    """Whether programs ran that create unrecorded directories."""
    return ownership.had_cluster(ctx) or ownership.had_runtime(ctx)


def _empty_folders(ctx: Context) -> list[str]:
    """Shared directories that did not exist before edgeadm and are empty, including each other."""
    gone: list[str] = []
    for folder in ctx.inventory.shared:
        found = ctx.host.stat(folder)
        if found is None or found.kind != "dir" or ownership.was_there(ctx, folder) is not None:
            continue
        inside = [name for name in ctx.host.names(folder) if f"{folder}/{name}" not in gone]
        if not inside:
            gone.append(folder)
    return gone
