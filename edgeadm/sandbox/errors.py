"""What can go wrong with a sandbox."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError


class SandboxNameError(EdgeadmError):
    """The name given to a sandbox cannot be used."""

    code = "bad-sandbox-name"


class NoSandboxError(EdgeadmError):
    """There is no sandbox of that name on this machine."""

    code = "no-sandbox"


class NoSuchNodeError(EdgeadmError):
    """The sandbox has no node of that name."""

    code = "no-such-node"


class NodeOffError(EdgeadmError):
    """The node is switched off, and the command needs it to run."""

    code = "node-off"


class LineError(EdgeadmError):
    """The delay, loss or rate of a line is not one."""

    code = "bad-line"


class NodeBootError(EdgeadmError):
    """A node was switched on and did not come up."""

    code = "node-boot"
    exit_code = 4


class RootImageError(EdgeadmError):
    """The root image that all nodes share could not be made, or is not what a bare node may have."""

    code = "root-image"
    exit_code = 4


class SandboxKernelError(EdgeadmError):
    """The kernel lacks something that the nodes need."""

    code = "sandbox-kernel"


class NoFreeSubnetError(EdgeadmError):
    """Every subnet that a sandbox could take is in use on this machine."""

    code = "no-free-subnet"


class NoSavedStateError(EdgeadmError):
    """There is no saved state of that name on this machine."""

    code = "no-saved-state"


class SavedStateExistsError(EdgeadmError):
    """A saved state of that name exists, and is never overwritten."""

    code = "saved-state-exists"


class SavedImageError(EdgeadmError):
    """The root image that the saved disks lie over was removed from this machine."""

    code = "saved-image-gone"


class SubnetTakenError(EdgeadmError):
    """The subnet that a saved state needs belongs to another sandbox or network of this machine."""

    code = "subnet-taken"


class SandboxLeftoverError(EdgeadmError):
    """Something of a sandbox could not be removed from this machine."""

    code = "sandbox-leftover"
    exit_code = 4


class VmKernelError(EdgeadmError):
    """The kernel that a node needs as a virtual machine cannot be obtained or used on this machine."""

    code = "vm-kernel"
    exit_code = 4


class VmAccelError(EdgeadmError):
    """KVM was asked for, and a stock kernel does not boot with it on this machine."""

    code = "vm-accel"


class VmError(EdgeadmError):
    """The node is a virtual machine, or is none, and the command is for the other kind."""

    code = "vm"


class VmMonitorError(EdgeadmError):
    """The emulator of a node that is a virtual machine refuses a command, or does not answer."""

    code = "vm-monitor"
    exit_code = 4


class NodeSilentError(EdgeadmError):
    """A node that is a virtual machine is on, and no command can be run in it yet."""

    code = "node-silent"
    exit_code = 5
