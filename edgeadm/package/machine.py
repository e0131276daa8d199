"""The architecture of a program, read from its first bytes before it runs."""

from __future__ import annotations

import platform
import struct

from edgeadm.hosts.facts import ARCHITECTURES

ELF_HEAD = 20
# e_machine of the ELF header → Kubernetes' architecture name.
MACHINES = {3: "386", 40: "arm", 22: "s390x", 21: "ppc64le", 62: "amd64", 183: "arm64", 243: "riscv64"}


def program_arch(head: bytes) -> str:
    """The architecture in the first 20 bytes of a file; empty if it is not an ELF program."""
    if len(head) < ELF_HEAD or not head.startswith(b"\x7fELF"):
        return ""
    order = ">" if head[5] == 2 else "<"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    return MACHINES.get(machine, f"ELF machine {machine}")


def this_arch() -> str:
    """The architecture of the host that runs edgeadm, in Kubernetes' terms."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)
