from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.journaled import same_bytes
from edgeadm.core.phase import Context, Verdict
from edgeadm.hosts import Source
from edgeadm.phases.before import is_due, remember
from edgeadm.phases.common import runtime_is_ours

PROGRAMS = "/usr/bin"
PLUGINS = "/opt/cni/bin"
RUNTIME = ("containerd", "containerd-shim-runc-v2", "ctr", "runc")


@dataclass(frozen=True)
class InstallPrograms:
    """Puts the package's programs and network plugins in place, each in one step, where they differ."""

    name: str = "package"
    summary: str = "install the programs of the offline package"

    def check(self, ctx: Context) -> Verdict:
        if ctx.package is None:
            return Verdict(needed=False, reason="no package was given: the programs of this machine are used")
        wanted = [path for path, source in _wanted(ctx) if not _there(ctx, source, path)]
        if not wanted:
            return Verdict(needed=False, reason="all programs are in place")
        return Verdict(needed=True, reason=f"{len(wanted)} programs are missing or differ")

    def apply(self, ctx: Context) -> None:
        if is_due(ctx):
            remember(ctx)
        for path, source in _wanted(ctx):
            if not _there(ctx, source, path):
                ctx.host.put(source, path, 0o755)
                ctx.say(f"installed {path}")

    def undo(self, ctx: Context) -> None:
        """The journal puts back what was there."""


def _wanted(ctx: Context) -> Iterator[tuple[str, Source]]:
    if ctx.package is None:
        return
    ours = runtime_is_ours(ctx)
    for file in ctx.package.files("program"):
        name = file.entry.path.rpartition("/")[2]
        if ours or name not in RUNTIME:
            yield f"{PROGRAMS}/{name}", file
    for file in ctx.package.files("cni-plugin"):
        yield f"{PLUGINS}/{file.entry.path.rpartition('/')[2]}", file


def _there(ctx: Context, source: Source, path: str) -> bool:
    found = ctx.host.stat(path)
    if found is None or (found.kind, found.size) != ("file", source.size) or not found.mode & 0o111:
        return False
    return same_bytes(ctx.host, source, path)
