"""What is asked of the running qemu of a node: its cards' carrier, the power button, and to begin."""

from __future__ import annotations

from edgeadm.sandbox import qmp, vm
from edgeadm.sandbox.state import NodeRecord, SandboxRecord


def let_run(record: SandboxRecord, node: NodeRecord, *, up: bool) -> None:
    """Have a machine that was switched on execute its first instruction; `up` says whether its cable is in.

    Nothing happens to one that runs. Raises VmMonitorError."""
    set_link(record, node, up=up)
    qmp.command(vm.monitor(record, node), "cont")


def set_link(record: SandboxRecord, node: NodeRecord, *, up: bool) -> None:
    """Give the first card its carrier, or take it away. Raises VmMonitorError."""
    card = vm.cards(record, node)[0][0]
    qmp.command(vm.monitor(record, node), "set_link", name=card, up=up)


def press_button(record: SandboxRecord, node: NodeRecord) -> None:
    """Press the power button: the machine's own init decides. Raises VmMonitorError."""
    qmp.command(vm.monitor(record, node), "system_powerdown")
