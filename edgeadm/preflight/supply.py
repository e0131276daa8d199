"""Checks that the package or the host contains everything that the node requires."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import facts
from edgeadm.kubeadm import compat
from edgeadm.preflight.subject import Subject

GROUP = "package and runtime"
ONLINE_MIB = 4096
HEADROOM_MIB = 1024  # etcd, logs and containers of the first hours
PRIVATE = "/var/lib/edgeadm"
CONTAINERD = "/usr/bin/containerd"
KUBELET = "/usr/bin/kubelet"
SPACE = "free some space or mount a separate disk"


def _package(subject: Subject) -> Iterable[Outcome]:
    package = subject.package
    if package is None:
        return
    arch = facts.architecture(subject.host)
    if package.manifest.arch != arch:
        text = f"the package is for {package.manifest.arch}, this host is {arch}"
        yield failed(text, f"build or download the package for {arch}", code="PackageArch")
        return
    if not package.files("program"):
        text = f"the package contains nothing for the role {subject.role}"
        yield failed(text, "`edgeadm package list` shows its roles", code="PackageRole")
    if subject.ours(KUBELET):
        return  # the phase that installs a missing file verifies the package
    free, wanted = facts.free_mib(subject.host, PRIVATE), package.own_mib()
    if free < wanted and package.keeps and not subject.resuming:
        text = f"{free} MiB are free for {PRIVATE}, {wanted} MiB are needed"
        yield failed(text, SPACE, code="DiskSpace")


def _content(subject: Subject) -> Iterable[Outcome]:
    package = subject.package
    if package is None or package.manifest.arch != facts.architecture(subject.host) or subject.ours(KUBELET):
        return
    try:
        package.check(subject.say, room=facts.free_mib(subject.host, PRIVATE) >= package.own_mib())
    except EdgeadmError as error:
        yield failed(f"{error.message} [{error.code}]", error.hint, cause=error)


def _space(subject: Subject) -> Iterable[Outcome]:
    wanted = subject.package.unpacked_mib() + HEADROOM_MIB if subject.package else ONLINE_MIB
    free = facts.free_mib(subject.host, "/var/lib/containerd")
    if free < wanted and not subject.resuming:
        yield failed(f"{free} MiB are free for /var/lib/containerd, {wanted} MiB are needed")


def _programs(subject: Subject) -> Iterable[Outcome]:
    for name in ("kubeadm", "kubelet") if subject.package is None else ():
        if not facts.has_program(subject.host, name):
            yield failed(f"{name} not found in system path", code=f"FileExisting-{name}")


def _runtime(subject: Subject) -> Iterable[Outcome]:
    if subject.config.ignore_runtime or subject.ours(CONTAINERD):
        return
    found = facts.runtime(subject.host)
    if found is None:
        if subject.package is None or not subject.package.has("bin/containerd"):
            hint = (
                "install containerd, pass a package that contains it, or use another runtime with "
                "`--ignore-runtime`"
            )
            yield failed("containerd is not installed on this host", hint)
        return
    yield from _runtime_version(found.version, subject)
    if not found.cri:
        text = "the CRI plugin of this host's containerd is disabled"
        hint = "remove `cri` from `disabled_plugins` in /etc/containerd/config.toml and restart containerd"
        yield failed(text, hint)


def _runtime_version(containerd: str, subject: Subject) -> Iterable[Outcome]:
    """An error only if Kubernetes does not run on it, as kubeadm has it."""
    tested = compat.containerd_tested(subject.kubernetes, containerd)
    wanted = compat.containerd_wanted(subject.kubernetes, containerd)
    hint = f"update it to {wanted}, or remove it: the package contains containerd"
    if compat.containerd_too_old(subject.kubernetes, containerd):
        text = f"containerd {containerd} of this host is too old for Kubernetes {subject.kubernetes}"
        yield failed(text, hint, code="ContainerRuntime")
    elif tested:
        text = f"containerd {containerd} of this host is not tested with Kubernetes {subject.kubernetes}"
        yield warning(text, hint, code="ContainerRuntime")


def _sandbox_image(subject: Subject) -> Iterable[Outcome]:
    if subject.config.ignore_runtime or subject.package is None or subject.ours(CONTAINERD):
        return
    found = facts.runtime(subject.host)
    names = subject.package.image_names()
    if found is not None and found.cri and found.sandbox_image not in names:
        yield warning(
            f"this host's containerd uses the sandbox image {found.sandbox_image}, which is not in the "
            "package; the package's pause image gets this tag too"
        )


def _network_plugins(subject: Subject) -> Iterable[Outcome]:
    if subject.package is not None or subject.config.cni != "flannel":
        return
    missing = [
        name
        for name in ("bridge", "host-local", "loopback", "portmap", "flannel")
        if subject.host.stat(f"/opt/cni/bin/{name}") is None
    ]
    if missing:
        yield failed(f"network plugins are missing in /opt/cni/bin: {', '.join(missing)}")


def _packet_filter(subject: Subject) -> Iterable[Outcome]:
    packed = subject.package is not None and subject.package.has("tools/edge/nft")
    if subject.role == "edge" and not packed and not facts.has_program(subject.host, "nft"):
        yield failed("nft not found in system path", code="FileExisting-nft")


SUPPLY_CHECKS = (
    Check("PackageArch", GROUP, "the package is for this host", _package),
    Check("DiskSpace", GROUP, "there is disk space for images and binaries", _space, hint=SPACE),
    Check(
        "Programs",
        GROUP,
        "kubeadm and kubelet are installed or in the package",
        _programs,
        hint="pass `--install-pkg-path`, or install it from your distribution's Kubernetes packages",
    ),
    Check("ContainerRuntime", GROUP, "a container runtime is installed or in the package", _runtime),
    Check("SandboxImage", GROUP, "the runtime's sandbox image is available", _sandbox_image),
    Check(
        "PacketFilter",
        GROUP,
        "nft is installed or in the package",
        _packet_filter,
        hint="install nftables from your distribution, or use a package",
    ),
    Check(
        "NetworkPlugins",
        GROUP,
        "the plugins of the pod network are installed or in the package",
        _network_plugins,
        hint="install containernetworking-plugins and the flannel plugin, or use a package",
    ),
)

# Reads and unpacks the whole package, which takes longer than all other checks: it runs after them.
CONTENT_CHECKS = (Check("Package", GROUP, "the package is complete and matches its manifest", _content),)
