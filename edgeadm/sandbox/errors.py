"""Errors of sandboxes."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError


class SandboxNameError(EdgeadmError):
    """The name of the sandbox is invalid."""

    code = "bad-sandbox-name"


class NoSandboxError(EdgeadmError):
    """There is no sandbox with this name on this host."""

    code = "no-sandbox"


class NoSuchNodeError(EdgeadmError):
    """The sandbox has no node with this name."""

    code = "no-such-node"


class NodeOffError(EdgeadmError):
    """The node is powered off, and the command requires it to run."""

    code = "node-off"


class LineError(EdgeadmError):
    """The delay, loss or rate of a link is invalid."""

    code = "bad-line"


class NodeBootError(EdgeadmError):
    """A node did not boot."""

    code = "node-boot"
    exit_code = 4


class RootImageError(EdgeadmError):
    """The shared root image of the nodes could not be created, or contains packages that bare nodes must not
    have."""

    code = "root-image"
    exit_code = 4


class SandboxKernelError(EdgeadmError):
    """The kernel lacks a feature that the nodes require."""

    code = "sandbox-kernel"


class NoFreeSubnetError(EdgeadmError):
    """All subnets for sandboxes are in use on this host."""

    code = "no-free-subnet"


class NoSavedStateError(EdgeadmError):
    """There is no saved state with this name on this host."""

    code = "no-saved-state"


class SavedStateExistsError(EdgeadmError):
    """A saved state with this name exists, and is never overwritten."""

    code = "saved-state-exists"


class SavedImageError(EdgeadmError):
    """The root image of the saved disks was deleted from this host."""

    code = "saved-image-gone"


class SubnetTakenError(EdgeadmError):
    """The subnet of a saved state is in use by another sandbox or network of this host."""

    code = "subnet-taken"


class SandboxLeftoverError(EdgeadmError):
    """A resource of a sandbox could not be deleted from this host."""

    code = "sandbox-leftover"
    exit_code = 4


class VmKernelError(EdgeadmError):
    """There is no kernel for a virtual machine: it cannot be downloaded, or does not support the node."""

    code = "vm-kernel"
    exit_code = 4


class VmAccelError(EdgeadmError):
    """KVM was requested, and a stock kernel does not boot with it on this host."""

    code = "vm-accel"


class VmError(EdgeadmError):
    """The command does not support virtual machines, or supports only virtual machines."""

    code = "vm"


class VmMonitorError(EdgeadmError):
    """qemu rejected a command for a virtual machine, or does not respond."""

    code = "vm-monitor"
    exit_code = 4


class NodeSilentError(EdgeadmError):
    """A virtual machine is on, but does not accept commands (yet)."""

    code = "node-silent"
    exit_code = 5
