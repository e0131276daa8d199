"""A node of a sandbox becomes a virtual machine, and becomes a container again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgeadm.errors import UsageError
from edgeadm.sandbox import stock, transplant, vm
from edgeadm.sandbox.errors import VmError
from edgeadm.sandbox.lab import Sandbox, Say, silent
from edgeadm.sandbox.node import Node


@dataclass(frozen=True)
class Wanted:
    """What a virtual machine shall be; what is None stays as it is, or is the default.

    `clock` is the time of each of its boots, `now` that of this machine."""

    kernel: str | None = None
    accel: str | None = None
    cache: str | None = None
    clock: str | None = None
    memory: int | None = None
    cpus: int | None = None


def become(sandbox: Sandbox, name: str, wanted: Wanted = Wanted(), say: Say = silent) -> vm.Machine:
    """Make the node a virtual machine, or change the one that it is; a node that was on is shut down first,
    and switched on again.

    The disk is a copy of the node's. Raises NoSuchNodeError, VmKernelError, VmAccelError, UsageError, and
    VmError if a machine shall have another kernel."""
    changes = settings(wanted)
    with sandbox.store.lock(sandbox.name, f"vm {name}"):
        node = sandbox.node(name)
        was_on, old = node.is_on(), node.machine
        if old is not None and wanted.kernel is not None:
            raise VmError(
                f"the kernel of `{name}` was chosen when it became a virtual machine",
                hint=f"make it a container again first: edgeadm sandbox vm {name} --back",
            )
        kernel = _kernel(sandbox, node, wanted, say)
        machine = replace(old or vm.Machine(str(kernel.folder)), kernel=str(kernel.folder), **changes)
        if old is None or wanted.accel is not None:
            machine = replace(machine, accel=stock.accel_of(wanted.accel or "auto", kernel))
        if was_on:
            say(f"{name}: shutting it down")
            node.power_off()
        if old is None:
            say(f"{name}: copying its disk to that of a machine with kernel {kernel.version}")
            _copy_disk(sandbox, node, kernel)
        vm.keep(node.folder, machine)
        if was_on:
            say(f"{name}: booting by {machine.accel}")
            sandbox.switch_on(sandbox.node(name))
    return machine


def back(sandbox: Sandbox, name: str, say: Say = silent) -> None:
    """Make the node a container again, as it was before it became a virtual machine: the machine's disk goes.

    Raises NoSuchNodeError, and VmError if the node is no virtual machine."""
    with sandbox.store.lock(sandbox.name, f"vm {name}"):
        node = sandbox.node(name)
        if node.machine is None:
            raise VmError(
                f"node `{name}` of sandbox `{sandbox.name}` is no virtual machine",
                hint=f"`edgeadm sandbox vm {name}` makes it one",
            )
        was_on = node.is_on()
        if was_on:
            node.power_off()
        shutil.rmtree(node.folder / vm.FOLDER)
        if was_on:
            say(f"{name}: booting")
            sandbox.switch_on(sandbox.node(name))


def settings(wanted: Wanted) -> dict[str, Any]:
    """The fields of a machine that are asked for. Raises UsageError for a date that is none."""
    found: dict[str, Any] = {"cache": wanted.cache, "memory": wanted.memory, "cpus": wanted.cpus}
    if wanted.clock is not None:
        found["clock"] = clock(wanted.clock)
    return {name: value for name, value in found.items() if value is not None}


def clock(text: str) -> str:
    """A date or a time, in UTC if it names no zone, as qemu takes it; empty for `now`. Raises UsageError."""
    if text == "now":
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--clock: `{text}` is no date", hint="such as 1970-01-01, 2038-01-19T03:14:00 or now"
        ) from error
    if found.tzinfo is not None:
        found = found.astimezone(UTC)
    return found.replace(microsecond=0, tzinfo=None).isoformat()


def _kernel(sandbox: Sandbox, node: Node, wanted: Wanted, say: Say) -> stock.Kernel:
    """The kernel that is asked for, or the one that the machine has."""
    if node.machine is not None:
        return stock.Kernel(Path(node.machine.kernel))
    suite = stock.suite_of(Path(node.record.image or node.sandbox.image))
    return stock.kernel(sandbox.store.images, suite, wanted.kernel or "cloud", say)


def _copy_disk(sandbox: Sandbox, node: Node, kernel: stock.Kernel) -> None:
    node.prepare(sandbox.lower(node), {})
    parts = transplant.Parts(node.folder, kernel.tree, sandbox.package_folder, sandbox.ssh_key)
    transplant.make_disk(parts, node.sandbox, node.record)
