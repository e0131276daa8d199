"""Removal of edgeadm's journal and settings."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node import own_files


@dataclass(frozen=True)
class RemoveState(Phase):
    """edgeadm's own directories, including journal and backups, are removed at the very end: until then, an
    interrupted reset can resume."""

    name: str = "state"
    summary: str = "remove edgeadm's journal and settings"

    def check(self, ctx: Context) -> Verdict:
        found = [folder for folder in own_files.OWN_FOLDERS if ctx.host.stat(folder) is not None]
        if not found:
            return Verdict(needed=False, reason="edgeadm stores nothing on this host")
        return Verdict(needed=True, reason=f"to remove: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        for folder in own_files.OWN_FOLDERS:
            if ctx.host.stat(folder) is not None:
                ctx.host.run("find", folder, "-xdev", "-delete")
        ctx.journal.forget()
