"""Control of a node's qemu: start, carrier, power button."""

from __future__ import annotations

from edgeadm.sandbox import qmp, vm
from edgeadm.sandbox.state import NodeRecord, SandboxRecord


def let_run(record: SandboxRecord, node: NodeRecord, *, up: bool) -> None:
    """Start the paused virtual machine, with the carrier `up`; does nothing to a running one except for the
    carrier. Raises VmMonitorError."""
    set_link(record, node, up=up)
    qmp.command(vm.monitor(record, node), "cont")


def set_link(record: SandboxRecord, node: NodeRecord, *, up: bool) -> None:
    """Set or remove the carrier of the first interface. Raises VmMonitorError."""
    card = vm.cards(record, node)[0][0]
    qmp.command(vm.monitor(record, node), "set_link", name=card, up=up)


def press_button(record: SandboxRecord, node: NodeRecord) -> None:
    """Press the power button, which init of the virtual machine handles. Raises VmMonitorError."""
    qmp.command(vm.monitor(record, node), "system_powerdown")
