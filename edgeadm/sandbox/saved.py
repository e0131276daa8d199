"""Saved states: the disks of all nodes of a sandbox, copied while the nodes are off.

    STORE/saved/NAME/state.json          the sandbox's record: subnet, nodes, roles, addresses, image
    STORE/saved/NAME/nodes/NODE/disk.img the node's disk, a sparse file; and files with its link state and NAT
    STORE/saved/NAME/ssh, …/package      the key of the nodes, and their package

A cluster's certificates and etcd's members depend on addresses, so a restored state keeps its subnet. A state
is listed once it is complete: until then its directory has another name."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import dhcp, disk, kernel, layer, names, switch
from edgeadm.sandbox.errors import (
    NoSavedStateError,
    SavedImageError,
    SavedStateExistsError,
    SubnetTakenError,
    VmError,
)
from edgeadm.sandbox.lab import Sandbox, Say, silent
from edgeadm.sandbox.node import Node
from edgeadm.sandbox.state import NodeRecord, SandboxRecord, Store, parse

STATE = "state.json"
DISK = "disk.img"
# In a node's directory: files that only describe the current boot.
OF_A_BOOT = ("console.log", "run", "run.pid", "run.pid-part", ".#root.lck")


@dataclass(frozen=True)
class SavedState:
    """A saved state: the record of the sandbox, its time (UTC), and its size in bytes."""

    name: str
    saved: str
    sandbox: SandboxRecord
    size: int

    def missing_images(self) -> list[str]:
        """The deleted root images of its nodes, sorted."""
        images = {node.image or self.sandbox.image for node in self.sandbox.nodes}
        return sorted(image for image in images if not Path(image).is_dir())


def save(sandbox: Sandbox, name: str, say: Say = silent, *, switch_on: bool = True) -> None:
    """Shut down every node, copy its disk, and (`switch_on`) start those that were running.

    Raises SavedStateExistsError, NoSandboxError, LockedError, and VmError if a node is a virtual machine.
    """
    store = sandbox.store
    folder = _folder(store, name)
    with store.lock(sandbox.name, f"save {name}"), _locked(store, name):
        if folder.exists():
            raise SavedStateExistsError(
                f"the saved state `{name}` already exists",
                hint=f"choose another name, or delete it: edgeadm sandbox saved --delete {name}",
            )
        nodes = sandbox.nodes
        if machines := [node.name for node in nodes if node.machine is not None]:
            raise VmError(
                f"virtual machines cannot be saved: {', '.join(machines)}",
                hint=f"turn them back into containers first: edgeadm sandbox vm {machines[0]} --back",
            )
        running = [node for node in nodes if node.is_on()]
        part = folder.with_name(f".{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            say("shutting the nodes down")
            with ThreadPoolExecutor(max(len(nodes), 1)) as pool:
                list(pool.map(Node.power_off, nodes))
            for node in nodes:
                say(f"{node.name}: copying its disk")
                disk.flush(node.folder)
                disk.detach(node.folder)
                _copy_node(node.folder, part / "nodes" / node.name)
            dhcp.switch_on(part, on=not dhcp.is_off(sandbox.folder))
            for shared in ("ssh", "package"):
                _link_tree(sandbox.folder / shared, part / shared)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            document = {"schema": 1, "saved": now, "sandbox": {"schema": 1, **asdict(sandbox.record)}}
            (part / STATE).write_text(json.dumps(document, indent=2) + "\n")
            part.rename(folder)
        finally:
            if switch_on:
                for node in running:
                    sandbox.switch_on(node)


def restore(
    sandbox: Sandbox,
    name: str,
    *,
    executable: Path | None = None,
    package: Path | None = None,
    detached: bool | None = None,
    say: Say = silent,
) -> list[Node]:
    """Restore the saved state: running nodes are powered off, disks are replaced, all nodes are ready when it
    returns. `executable` and `package` are as in `Sandbox.up`; without `package` nodes use the saved one.
    `detached` (None: as saved) omits the route to this host, so that copies may run side by side.

    Raises NoSavedStateError, SavedImageError, SubnetTakenError and LockedError.
    """
    store = sandbox.store
    names.check_sandbox_name(sandbox.name)
    find(store, name)
    with store.lock(sandbox.name, f"restore {name}"), _locked(store, name, shared=True):
        state = find(store, name)
        if gone := state.missing_images():
            raise SavedImageError(
                f"a root image of the saved state `{name}` was deleted: {', '.join(gone)}",
                hint=f"the state cannot be restored without it: edgeadm sandbox saved --delete {name}",
            )
        kernel.prepare(store.base, say)
        out = state.sandbox.detached if detached is None else detached
        record = _claim(store, replace(state.sandbox, name=sandbox.name, detached=out, nodes=()), name)
        _clear(sandbox, record)
        folder = _folder(store, name)
        say(f"copying the disks of {name}")
        for node in state.sandbox.nodes:
            _copy_node(folder / "nodes" / node.name, store.node_folder(sandbox.name, node.name))
        for shared in ("ssh", "package"):
            shutil.rmtree(sandbox.folder / shared, ignore_errors=True)
            _link_tree(folder / shared, sandbox.folder / shared)
        dhcp.switch_on(sandbox.folder, on=not dhcp.is_off(folder))
        over = layer.make_layer(store.layers, executable, say)
        layer.show_package(sandbox.package_folder, package)
        record = replace(record, layer=str(over), nodes=state.sandbox.nodes)
        store.save(record)
        sandbox.boot(record, say)
    return sandbox.nodes


def find(store: Store, name: str) -> SavedState:
    """The saved state with this name. Raises NoSavedStateError."""
    found = _read(store, names.check_state_name(name))
    if found is None:
        known = ", ".join(state.name for state in every(store))
        hint = f"saved states: {known}" if known else "create one with `edgeadm sandbox save`"
        raise NoSavedStateError(f"there is no saved state `{name}`", hint=hint)
    return found


def every(store: Store) -> list[SavedState]:
    """All saved states of this host by name; directories without a readable record are ignored."""
    folders = sorted(store.saved.iterdir()) if store.saved.is_dir() else []
    found = (_read(store, folder.name) for folder in folders if not folder.name.startswith("."))
    return [state for state in found if state is not None]


def delete(store: Store, name: str) -> None:
    """Delete a saved state, once no other process is restoring it. Raises NoSavedStateError."""
    folder = _folder(store, name)
    if not folder.is_dir():
        find(store, name)  # raises if it does not exist: no lock is created for it
    with _locked(store, name):
        part = folder.with_name(f".{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        with suppress(FileNotFoundError):  # another process deleted it first
            folder.rename(part)
        shutil.rmtree(part, ignore_errors=True)
        _lock_file(store, name).unlink()


def _read(store: Store, name: str) -> SavedState | None:
    folder = store.saved / name
    try:
        document = json.loads((folder / STATE).read_text())
        record = parse(document["sandbox"])
        disks = folder.glob(f"nodes/*/{DISK}")
        size = sum(file.stat().st_blocks * 512 for file in disks)
        return SavedState(name, str(document["saved"]), record, size)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _folder(store: Store, name: str) -> Path:
    return store.saved / names.check_state_name(name)


def _lock_file(store: Store, name: str) -> Path:
    return store.saved / f".{name}.lock"


@contextmanager
def _locked(store: Store, name: str, *, shared: bool = False) -> Iterator[None]:
    """One process saves or deletes a state at a time, while none restores it; the others wait."""
    store.saved.mkdir(parents=True, exist_ok=True)
    while True:
        path = _lock_file(store, name)
        with path.open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            if os.fstat(handle.fileno()).st_nlink:  # otherwise it was deleted with its state meanwhile
                yield
                return


def _claim(store: Store, record: SandboxRecord, state: str) -> SandboxRecord:
    """Reserve the subnet of the state. Raises SubnetTakenError."""
    with store.everyone_waits():
        old = store.find(record.name)
        held = old is not None and not old.detached and old.number == record.number
        free = names.is_free(record.number, store.numbers(but=record.name), switch.routed_networks())
        if not (record.detached or held or free):
            wanted = names.subnet(record.number)
            raise SubnetTakenError(
                f"the saved state `{state}` requires the subnet {wanted}, which is in use on this host",
                hint=(
                    "delete the sandbox that uses it with `edgeadm sandbox down`, or restore a copy with "
                    "--detached"
                ),
            )
        store.save(record)
    return record


def _clear(sandbox: Sandbox, record: SandboxRecord) -> None:
    """Power off and delete every node with a directory, and the switch."""
    folder = sandbox.folder / "nodes"
    found = list(folder.iterdir()) if folder.is_dir() else []
    nodes = [Node(sandbox.store, record, NodeRecord(entry.name, "", "")) for entry in found]
    with ThreadPoolExecutor(max(len(nodes), 1)) as pool:
        list(pool.map(Node.power_cut, nodes))
    for entry in found:
        disk.detach(entry)
        shutil.rmtree(entry)
    switch.remove_switch(sandbox.name)


def _copy_node(source: Path, target: Path) -> None:
    """Copy an unmounted disk, and the small files in its directory. Holes are preserved."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file() and file.name != DISK and file.name not in OF_A_BOOT:
            shutil.copy2(file, target)
    part = target / f"{DISK}.part"
    words = ["cp", "--reflink=auto", "--sparse=always", str(source / DISK), str(part)]
    execute(words).checked()
    part.rename(target / DISK)


def _link_tree(source: Path, target: Path) -> None:
    """Link the same files into another directory, without using space if the file system supports it."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=layer.link_or_copy, symlinks=True)
