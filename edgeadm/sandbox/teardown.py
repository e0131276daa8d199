"""Deletes sandboxes: complete and incomplete ones, and leftovers of killed processes or a reboot."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from edgeadm.errors import UsageError
from edgeadm.hosts.process import execute
from edgeadm.sandbox import cgroups, disk, kernel, names, saved, switch
from edgeadm.sandbox.errors import SandboxLeftoverError
from edgeadm.sandbox.image import remove_tree
from edgeadm.sandbox.lab import Sandbox, Say, silent
from edgeadm.sandbox.node import Node
from edgeadm.sandbox.state import NodeRecord, SandboxRecord, Store


def down(sandbox: Sandbox, say: Say = silent) -> None:
    """Delete the sandbox with everything on this host except the cached root image.

    Nodes are powered off, not shut down: their disks are deleted. Also completes an interrupted deletion.
    """
    names.check_sandbox_name(sandbox.name)
    store = sandbox.store
    if not _traces(store, sandbox.name):
        _last_one_out(store)
        return
    with store.lock(sandbox.name, "down"):
        say(f"deleting sandbox {sandbox.name}")
        record = store.find(sandbox.name) or SandboxRecord(sandbox.name, 0)
        nodes = [Node(store, record, entry) for entry in _every_node(store, record)]
        with ThreadPoolExecutor(max(len(nodes), 1)) as pool:
            list(pool.map(_remove_node, nodes))
        _sweep(sandbox.name)
        switch.remove_switch(sandbox.name)
        disk.detach(sandbox.folder)
        if disk.mounts_below(sandbox.folder):
            raise SandboxLeftoverError(f"file systems stay mounted below {sandbox.folder}")
        if sandbox.folder.exists():
            shutil.rmtree(sandbox.folder)
        store.unlock_for_good(sandbox.name)
    _last_one_out(store)


def down_all(store: Store, say: Say = silent) -> None:
    """Delete every sandbox of this store, including incomplete ones."""
    for name in store.known():
        down(Sandbox(name, store), say)
    _last_one_out(store)


def remove_images(store: Store) -> None:
    """Delete the cached root images. Raises UsageError while a sandbox or a saved state needs them."""
    if store.known():
        raise UsageError(
            "sandboxes use the root images: " + ", ".join(store.known()),
            hint="edgeadm sandbox down --all --images",
        )
    if states := saved.every(store):
        raise UsageError(
            "saved states need the root images: " + ", ".join(state.name for state in states),
            hint="delete them first: edgeadm sandbox saved --delete STATE",
        )
    remove_tree(store.images)
    shutil.rmtree(store.base, ignore_errors=True)


def _remove_node(node: Node) -> None:
    node.power_cut()
    disk.detach(node.folder)


def _every_node(store: Store, record: SandboxRecord) -> list[NodeRecord]:
    """The nodes of the record, and those with only a directory."""
    known = {node.name: node for node in record.nodes}
    folder = store.folder(record.name) / "nodes"
    for entry in folder.iterdir() if folder.is_dir() else ():
        known.setdefault(entry.name, NodeRecord(entry.name, "", ""))
    return list(known.values())


def _sweep(name: str) -> None:
    """Namespaces and cgroups of nodes without a record."""
    prefix = names.cgroup_name(name, "")
    folders = cgroups.left_behind(lambda found: found.startswith(prefix), cgroups.this_machine())
    cgroups.kill_all(folders)
    cgroups.remove(folders)
    for netns in _namespaces():
        if netns.rpartition("-")[0] == f"es-{name}":
            switch.remove_netns(netns)


def _traces(store: Store, name: str) -> bool:
    link = Path("/sys/class/net") / names.machine_link(name)
    return store.folder(name).exists() or link.exists() or name in _by_namespace()


def _by_namespace() -> set[str]:
    """The sandboxes that have a network namespace on this host."""
    return {netns.rpartition("-")[0].removeprefix("es-") for netns in _namespaces()}


def _namespaces() -> list[str]:
    folder = Path("/run/netns")
    found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return [name for name in found if name.startswith("es-") and name.count("-") >= 2]


def _last_one_out(store: Store) -> None:
    """After the last sandbox: restore the kernel's settings, and delete empty directories and unused
    layers."""
    if not store.base.exists():
        return
    with store.everyone_waits():
        if store.known():
            return
        kernel.restore(store.base)
        shutil.rmtree(store.layers, ignore_errors=True)
        for folder in (store.base / "sandboxes", store.base / "locks", store.saved):
            with suppress(OSError):  # missing, or in use again
                folder.rmdir()
        _remove_empty_netns_mount()


def _remove_empty_netns_mount() -> None:
    """Delete the mount that `ip netns add` leaves behind, if there are no namespaces."""
    folder = Path("/run/netns")
    if folder.is_dir() and not any(folder.iterdir()):
        execute(["umount", str(folder)])
        with suppress(OSError):
            folder.rmdir()
