"""Turns a node of a sandbox into a virtual machine, and back into a container."""

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
    """Requested settings of a virtual machine; None keeps a setting, or means the default.

    Each boot starts at the time `clock`; `now` is the time of the host.
    """

    kernel: str | None = None
    accel: str | None = None
    cache: str | None = None
    clock: str | None = None
    memory: int | None = None
    cpus: int | None = None


def become(sandbox: Sandbox, name: str, wanted: Wanted = Wanted(), say: Say = silent) -> vm.Machine:
    """Turn the node into a virtual machine, or change its settings; a running node is shut down first and
    powered on again.

    The disk is a copy of the node's. Raises NoSuchNodeError, VmKernelError, VmAccelError, UsageError, and
    VmError if the kernel of a virtual machine is to be changed.
    """
    changes = settings(wanted)
    with sandbox.store.lock(sandbox.name, f"vm {name}"):
        node = sandbox.node(name)
        was_on, old = node.is_on(), node.machine
        if old is not None and wanted.kernel is not None:
            raise VmError(
                f"the kernel of `{name}` is fixed: the node is a virtual machine already",
                hint=f"turn it back into a container first: edgeadm sandbox vm {name} --back",
            )
        kernel = _kernel(sandbox, node, wanted, say)
        machine = replace(old or vm.Machine(str(kernel.folder)), kernel=str(kernel.folder), **changes)
        if old is None or wanted.accel is not None:
            machine = replace(machine, accel=stock.accel_of(wanted.accel or "auto", kernel))
        if was_on:
            say(f"{name}: shutting down")
            node.power_off()
        if old is None:
            say(f"{name}: copying its disk for a virtual machine with kernel {kernel.version}")
            _copy_disk(sandbox, node, kernel)
        vm.keep(node.folder, machine)
        if was_on:
            say(f"{name}: booting with {machine.accel}")
            sandbox.switch_on(sandbox.node(name))
    return machine


def back(sandbox: Sandbox, name: str, say: Say = silent) -> None:
    """Turn the node back into the container that it was, and delete the disk of the virtual machine.

    Raises NoSuchNodeError, and VmError if the node is not a virtual machine.
    """
    with sandbox.store.lock(sandbox.name, f"vm {name}"):
        node = sandbox.node(name)
        if node.machine is None:
            raise VmError(
                f"node `{name}` of sandbox `{sandbox.name}` is not a virtual machine",
                hint=f"turn it into one: edgeadm sandbox vm {name}",
            )
        was_on = node.is_on()
        if was_on:
            node.power_off()
        shutil.rmtree(node.folder / vm.FOLDER)
        if was_on:
            say(f"{name}: booting")
            sandbox.switch_on(sandbox.node(name))


def settings(wanted: Wanted) -> dict[str, Any]:
    """The requested fields of the settings. Raises UsageError for an invalid date."""
    found: dict[str, Any] = {"cache": wanted.cache, "memory": wanted.memory, "cpus": wanted.cpus}
    if wanted.clock is not None:
        found["clock"] = clock(wanted.clock)
    return {name: value for name, value in found.items() if value is not None}


def clock(text: str) -> str:
    """A date or time (without a zone: UTC) in the format of qemu; empty for `now`. Raises UsageError."""
    if text == "now":
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--clock: `{text}` is not a date", hint="such as 1970-01-01, 2038-01-19T03:14:00 or now"
        ) from error
    if found.tzinfo is not None:
        found = found.astimezone(UTC)
    return found.replace(microsecond=0, tzinfo=None).isoformat()


def _kernel(sandbox: Sandbox, node: Node, wanted: Wanted, say: Say) -> stock.Kernel:
    """The requested kernel, or the kernel of the existing virtual machine."""
    if node.machine is not None:
        return stock.Kernel(Path(node.machine.kernel))
    suite = stock.suite_of(Path(node.record.image or node.sandbox.image))
    return stock.kernel(sandbox.store.images, suite, wanted.kernel or "cloud", say)


def _copy_disk(sandbox: Sandbox, node: Node, kernel: stock.Kernel) -> None:
    node.prepare(sandbox.lower(node), {})
    parts = transplant.Parts(node.folder, kernel.tree, sandbox.package_folder, sandbox.ssh_key)
    transplant.make_disk(parts, node.sandbox, node.record)
