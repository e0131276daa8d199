"""Recipes of root images: which Debian packages a node begins with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from edgeadm.errors import UsageError

# Name for `--image` → suite of Debian's archive.
DEBIAN = {"debian-11": "bullseye", "debian-12": "bookworm", "debian-13": "trixie"}
# The usual image: minimal, with the programs that administrators install for Kubernetes.
PACKAGES = (
    "conntrack",
    "dbus",
    "ethtool",
    "iproute2",
    "iptables",
    "iputils-ping",
    "kmod",
    "nftables",
    "openssh-server",
    "procps",
    "socat",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
)
MINIMAL = "minbase"  # debootstrap's variant for it; without one it installs required and important packages
BARE_PACKAGES = ("openssh-server",)
# Programs that a node must get from edgeadm alone: their presence would make every test worthless.
NEVER = ("python3", "python", "kubelet", "kubeadm", "kubectl", "containerd", "runc", "docker")
# Programs that many guides presume and a default installation of Debian 12 or 13 does not have.
NOT_BARE = ("iptables", "conntrack", "ethtool", "socat")

# Caches, documentation and translations; host keys and machine id are each node's own.
REMOVED = (
    "etc/machine-id",
    "etc/ssh/ssh_host_*",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/log/*.log",
    "var/log/apt/*",
)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the content of an image; the key of a cached image is derived from it."""

    suite: str
    components: str = "main"
    variant: str = MINIMAL
    packages: tuple[str, ...] = PACKAGES
    removed: tuple[str, ...] = REMOVED
    revision: int = 3

    @property
    def key(self) -> str:
        """A short name for the content: equal recipes have equal names."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def is_bare(self) -> bool:
        """Whether it holds only what debootstrap installs by default, and sshd."""
        return not self.variant


def recipe_of(suite: str, components: str, *, bare: bool) -> Recipe:
    """The recipe for a suite: the usual one, or the bare one."""
    if bare:
        return Recipe(suite, components, variant="", packages=BARE_PACKAGES)
    return Recipe(suite, components)


def suite_of(image: str) -> str:
    """The suite that a name for `--image` stands for. Raises UsageError for an unknown name."""
    if image not in DEBIAN:
        raise UsageError(f"there is no image `{image}`", hint=f"the images are: {', '.join(DEBIAN)}")
    return DEBIAN[image]
