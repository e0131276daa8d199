"""Ownership of files and units on this host: from the journal, or, without it, from the list of edgeadm's
paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgeadm.core.block import has_block
from edgeadm.core.journal import Record
from edgeadm.core.leaves import Unit
from edgeadm.core.phase import Context
from edgeadm.node import baseline, own_files
from edgeadm.node.files import renderer
from edgeadm.node.paths import BY_NAME, HOSTS, RUNTIME_CONFIG
from edgeadm.node.paths import PLUGINS as PLUGIN_FOLDER
from edgeadm.node.paths import PROGRAMS as PROGRAM_FOLDER
from edgeadm.node.state import KUBEADM, RUNTIME
from edgeadm.node.units import CONTAINERD_FILE as RUNTIME_UNIT
from edgeadm.node.units import KUBELET_FILE as KUBELET_UNIT
from edgeadm.package.manifest import CALLED_BY_NAME, FILTERS, TOOLS_ON_NODE

LOST = "the journal is missing: reset removes the paths that edgeadm is known to create"


def is_lost(ctx: Context) -> bool:
    """Whether edgeadm was here, and its journal is gone."""
    return not ctx.journal.records() and any(ctx.host.stat(sign) is not None for sign in own_files.SIGNS)


def had_cluster(ctx: Context) -> bool:
    """Whether kubeadm ran here for edgeadm, even if only for a moment."""
    if is_lost(ctx):
        return owns(ctx, KUBELET_UNIT)
    return _began(ctx, KUBEADM)


def had_runtime(ctx: Context) -> bool:
    """Whether edgeadm started its own containerd here, even if this was reverted meanwhile."""
    return owns_runtime(ctx) if is_lost(ctx) else _began(ctx, RUNTIME)


def owns(ctx: Context, path: str) -> bool:
    """Whether edgeadm wrote this file."""
    return any(record.detail["path"] == path for record in changes(ctx))


def owns_one(ctx: Context, units: Iterable[Unit]) -> bool:
    """Whether edgeadm wrote the file of one of these units."""
    return any(owns(ctx, unit.file) for unit in units)


def owns_runtime(ctx: Context) -> bool:
    """Whether the containerd of this machine is edgeadm's."""
    return owns(ctx, RUNTIME_UNIT) or owns(ctx, f"{PROGRAM_FOLDER}/containerd")


def changes(ctx: Context) -> list[Record]:
    """All file changes that were not reverted, oldest first."""
    if is_lost(ctx):
        return list(_assumed(ctx))
    return ctx.journal.standing()


def was_there(ctx: Context, path: str) -> dict[str, object] | None:
    """The state of the path before edgeadm; None if it did not exist or is unknown."""
    found: dict[str, object] | None = baseline.remembered(ctx).get("places", {}).get(path)
    return found


def _began(ctx: Context, phase: str) -> bool:
    records = (record for record in ctx.journal.records() if record.verb != "reset")
    return any(record.phase.partition("/")[0] == phase for record in records)


def _assumed(ctx: Context) -> Iterator[Record]:
    for path in _likely(ctx):
        folder = path.rpartition("/")[0]
        folders = [folder] if folder in own_files.PRIVATE_FOLDERS else []
        yield Record("init", "assumed", "write", {"path": path, "before": None, "folders": folders})
    if has_block(ctx.host.read(HOSTS) or b""):
        yield Record("join", "assumed", "write", {"path": HOSTS, "before": {}, "block": True})


def _likely(ctx: Context) -> Iterator[str]:
    for sign in own_files.SIGNS:
        found = ctx.host.stat(sign)
        if found is not None and found.kind == "file":
            yield sign
    for path, (name, choices) in own_files.TEMPLATES.items():
        there = ctx.host.read(path)
        if there is None or there not in [renderer(ctx).text(name, values).encode() for values in choices]:
            continue
        yield path
        for program in own_files.PROGRAMS.get(path, ()):
            yield from _unpackaged(ctx, f"{PROGRAM_FOLDER}/{program}")
        if path == KUBELET_UNIT:
            for plugin in own_files.PLUGINS:
                yield from _unpackaged(ctx, f"{PLUGIN_FOLDER}/{plugin}")
            yield from _called_by_name(ctx)
        if path == RUNTIME_UNIT:
            yield from _unpackaged(ctx, RUNTIME_CONFIG)


def _called_by_name(ctx: Context) -> Iterator[str]:
    """The scripts that call the packet filter programs of edgeadm's package."""
    for name in FILTERS:
        text = ctx.host.read(f"{BY_NAME}/{name}") or b""
        if text.startswith(b"#!") and f"{TOOLS_ON_NODE}/{CALLED_BY_NAME}/".encode() in text:
            yield f"{BY_NAME}/{name}"


def _unpackaged(ctx: Context, path: str) -> Iterator[str]:
    """The path, if there is a file that no package of the distribution owns."""
    if ctx.host.stat(path) is None:
        return
    owners = (("dpkg", "-S", path), ("rpm", "-qf", path))
    if not any(ctx.host.ask(*question).code == 0 for question in owners):
        yield path
