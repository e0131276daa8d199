"""Inputs of a sandbox: Debian packages on this host, edgeadm's executable, the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeadm import assets
from edgeadm.errors import UsageError
from edgeadm.hosts.debian import ensure_packages

TOOLS = (
    "debian-archive-keyring",
    "debootstrap",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "mount",
    "nftables",
    "procps",
    "systemd-container",
    "util-linux",
)

VM_TOOLS = ("dpkg", "e2fsprogs", "kmod", "openssh-client", "qemu-system-x86", "socat")

Say = Callable[[str], None]


def ensure_tools(say: Say, *, dhcp: bool = False) -> None:
    """Install the Debian packages that this host lacks, and print them. Raises MissingToolError."""
    from edgeadm.sandbox.dhcp import TOOLS as DHCP_TOOLS

    ensure_packages([*TOOLS, *(DHCP_TOOLS if dhcp else ())], say)


def ensure_vm_tools(say: Say) -> None:
    """Install the packages that virtual machines need on this host. Raises MissingToolError."""
    ensure_packages([*TOOLS, *VM_TOOLS], say)


def executable(say: Say) -> Path:
    """edgeadm's own executable tree, built once and cached."""
    from edgeadm.package.executable import executable_tree

    return executable_tree(assets.cache_root(), say)


def package(given: str | None, say: Say) -> Path | None:
    """The package for the nodes: the given one, none, or edgeadm's own, built and cached."""
    if given == "none":
        return None
    if given is not None:
        path = Path(given).resolve()
        if not path.exists():
            raise UsageError(f"package {given} does not exist", hint="build one with `edgeadm package build`")
        return path
    from edgeadm.package.builder import default_kubernetes
    from edgeadm.package.builder.build import cached_package

    return cached_package(default_kubernetes(), say=say)
