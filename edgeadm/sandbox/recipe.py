"""Recipes of root images: the Debian packages of new nodes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from edgeadm.errors import UsageError

# Name for `--image` → suite of Debian's archive.
DEBIAN = {"debian-11": "bullseye", "debian-12": "bookworm", "debian-13": "trixie"}
# The default image: minimal, with the programs that administrators install for Kubernetes.
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
MINIMAL = "minbase"  # debootstrap's variant; without one it installs required and important packages
BARE_PACKAGES = ("openssh-server",)
# Programs that only edgeadm may install on a node: their presence would make all tests meaningless.
NEVER = ("python3", "python", "kubelet", "kubeadm", "kubectl", "containerd", "runc", "docker")
# Programs that many guides assume, but a default installation of Debian 12 or 13 does not contain.
NOT_BARE = ("iptables", "conntrack", "ethtool", "socat")

# Caches, documentation and translations; host keys and the machine id must be unique to each node.
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
    """All inputs of an image; the key of a cached image is derived from them."""

    suite: str
    components: str = "main"
    variant: str = MINIMAL
    packages: tuple[str, ...] = PACKAGES
    removed: tuple[str, ...] = REMOVED
    revision: int = 3

    @property
    def key(self) -> str:
        """A short hash of the content: equal recipes have equal names."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def is_bare(self) -> bool:
        """Whether it contains only debootstrap's default installation and sshd."""
        return not self.variant


def recipe_of(suite: str, components: str, *, bare: bool) -> Recipe:
    """The recipe for a suite: the default one, or the bare one."""
    if bare:
        return Recipe(suite, components, variant="", packages=BARE_PACKAGES)
    return Recipe(suite, components)


def suite_of(image: str) -> str:
    """The suite of a name for `--image`. Raises UsageError for an unknown name."""
    if image not in DEBIAN:
        raise UsageError(f"there is no image `{image}`", hint=f"the images are: {', '.join(DEBIAN)}")
    return DEBIAN[image]
