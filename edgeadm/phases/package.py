"""The package's programs and network plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.journaled import same_bytes
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import FileInfo, Source
from edgeadm.node.baseline import is_due, remember
from edgeadm.node.paths import BY_NAME, PLUGINS, PROGRAMS
from edgeadm.node.state import runtime_is_ours
from edgeadm.package.manifest import CALLED_BY_NAME, FILTERS, TOOLS, TOOLS_ON_NODE

SYSTEM = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin", BY_NAME)
RUNTIME = ("containerd", "containerd-shim-runc-v2", "ctr", "runc")
EVENT = "installed"  # in the journal: a file with verified content, and its stamp


@dataclass(frozen=True)
class InstallPrograms(Phase):
    """Installs the package's binaries and network plugins atomically, if they differ."""

    name: str = "package"
    summary: str = "install the binaries of the offline package"
    leaves: ClassVar[Leaves] = Leaves(shared=(PLUGINS, PLUGINS.rpartition("/")[0]))

    def check(self, ctx: Context) -> Verdict:
        if ctx.package is None:
            return Verdict(needed=False, reason="no package was given: the binaries of this host are used")
        known = _known(ctx)
        ctx.host.stat_all([*(path for path, _, _ in _wanted(ctx))])
        wanted = [path for path, source, mode in _wanted(ctx) if not _there(ctx, source, path, mode, known)]
        if not wanted:
            return Verdict(needed=False, reason="all binaries are installed")
        return Verdict(needed=True, reason=f"{len(wanted)} binaries are missing or differ")

    def apply(self, ctx: Context) -> None:
        if is_due(ctx):
            remember(ctx)
        known = _known(ctx)
        if ctx.package is not None and ctx.package.keeps and self.check(ctx).needed:
            ctx.package.unpacked(ctx.say)
        wanted = list(_wanted(ctx))
        due = [each for each in wanted if not _there(ctx, each[1], each[0], each[2], known)]
        found = ctx.host.put_all([(source, path, mode) for path, source, mode in due])
        for shown in dict.fromkeys(_shown(path) for path, _, _ in due):
            ctx.say(f"installed {shown}")
        if wanted:
            files = {path: [source.sha256, _stamp(ctx, path, found)] for path, source, _ in wanted}
            ctx.journal.add(EVENT, files=files)


def _wanted(ctx: Context) -> Iterator[tuple[str, Source, int]]:
    """Path on the node, file, mode."""
    if ctx.package is None:
        return
    ours = runtime_is_ours(ctx)
    for file in ctx.package.files("program"):
        name = file.entry.path.rpartition("/")[2]
        if ours or name not in RUNTIME:
            yield f"{PROGRAMS}/{name}", file, 0o755
    for file in ctx.package.files("tool"):
        yield f"{TOOLS_ON_NODE}{file.entry.path.removeprefix(TOOLS)}", file, file.entry.mode
        folder, _, name = file.entry.path.removeprefix(f"{TOOLS}/").partition("/")
        if folder == CALLED_BY_NAME and name in FILTERS and _lacks(ctx, name):
            yield f"{BY_NAME}/{name}", file, file.entry.mode
    for file in ctx.package.files("cni-plugin"):
        yield f"{PLUGINS}/{file.entry.path.rpartition('/')[2]}", file, 0o755


def _shown(path: str) -> str:
    """The path, or the folder of a tool: it may have a hundred files."""
    folder = path.removeprefix(f"{TOOLS_ON_NODE}/").partition("/")[0]
    return f"{TOOLS_ON_NODE}/{folder}" if path.startswith(f"{TOOLS_ON_NODE}/") else path


def _lacks(ctx: Context, name: str) -> bool:
    """Whether this machine has no program of this name but the one that edgeadm gave it."""
    if ctx.journal.ours(f"{BY_NAME}/{name}"):
        return True
    there = ctx.host.stat_all(f"{folder}/{each}" for each in FILTERS for folder in SYSTEM)
    return not any(f"{folder}/{name}" in there for folder in SYSTEM)


def _there(ctx: Context, source: Source, path: str, mode: int, known: dict[str, list[str]]) -> bool:
    """Whether the file holds what the source holds. One that has its old stamp is not read again: that takes
    longer than all else that a run on an installed machine does."""
    found = ctx.host.stat(path)
    if found is None or (found.kind, found.size) != ("file", source.size):
        return False
    if mode & 0o111 and not found.mode & 0o111:
        return False
    if found.stamp and known.get(path) == [source.sha256, found.stamp]:
        return True
    return same_bytes(ctx.host, source, path)


def _known(ctx: Context) -> dict[str, list[str]]:
    """Path → sha256 and stamp, as they were last written down."""
    found: dict[str, list[str]] = {}
    for record in ctx.journal.records():
        if record.event == EVENT:
            found |= record.detail["files"]
    return found


def _stamp(ctx: Context, path: str, new: Mapping[str, FileInfo]) -> str:
    found = new.get(path) or ctx.host.stat(path)
    return found.stamp if found else ""
