"""Checks that the package or the host contains everything that the node requires."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.config import Config
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Host, facts
from edgeadm.kubeadm import compat
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject

ONLINE_MIB = 4096
HEADROOM_MIB = 1024  # etcd, logs and containers of the first hours
PRIVATE = "/var/lib/edgeadm"
CONTAINERD = "/usr/bin/containerd"
KUBELET = "/usr/bin/kubelet"


def _package(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    package = subject.package
    if package is None:
        return
    arch = facts.architecture(host)
    if package.manifest.arch != arch:
        text = f"the package is for {package.manifest.arch}, this host is {arch}"
        yield Finding("PackageArch", text, f"build or download the package for {arch}")
        return
    if not package.files("program"):
        text = f"the package contains nothing for the role {subject.role}"
        yield Finding("PackageRole", text, "`edgeadm package list` shows its roles")
    if subject.ours(KUBELET):
        return  # what is still missing is verified when it is unpacked
    free, wanted = facts.free_mib(host, PRIVATE), package.own_mib()
    if free < wanted and package.keeps and not subject.resuming:
        text = f"{free} MiB are free for {PRIVATE}, {wanted} MiB are needed"
        yield Finding("DiskSpace", text, "free some space or mount a separate disk")
    try:
        package.check(subject.say, room=free >= wanted)
    except EdgeadmError as error:
        yield Finding("Package", f"{error.message} [{error.code}]", error.hint, cause=error)


def _space(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    wanted = subject.package.unpacked_mib() + HEADROOM_MIB if subject.package else ONLINE_MIB
    free = facts.free_mib(host, "/var/lib/containerd")
    if free < wanted and not subject.resuming:
        text = f"{free} MiB are free for /var/lib/containerd, {wanted} MiB are needed"
        yield Finding("DiskSpace", text, "free some space or mount a separate disk")


def _programs(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    for name in ("kubeadm", "kubelet") if subject.package is None else ():
        if not facts.has_program(host, name):
            hint = "pass `--install-pkg-path`, or install it from your distribution's Kubernetes packages"
            yield Finding(f"FileExisting-{name}", f"{name} not found in system path", hint)


def _runtime(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if config.ignore_runtime or subject.ours(CONTAINERD):
        return
    found = facts.runtime(host)
    if found is None:
        if subject.package is None or not subject.package.has("bin/containerd"):
            hint = (
                "install containerd, pass a package that contains it, or use another runtime with "
                "`--ignore-runtime`"
            )
            yield Finding("ContainerRuntime", "containerd is not installed on this host", hint)
        return
    yield from _runtime_version(found.version, subject)
    if not found.cri:
        text = "the CRI plugin of this host's containerd is disabled"
        hint = "remove `cri` from `disabled_plugins` in /etc/containerd/config.toml and restart containerd"
        yield Finding("ContainerRuntime", text, hint)


def _runtime_version(containerd: str, subject: Subject) -> Iterable[Finding]:
    """An error only if Kubernetes does not run on it, as kubeadm has it."""
    tested = compat.containerd_tested(subject.kubernetes, containerd)
    wanted = compat.containerd_wanted(subject.kubernetes, containerd)
    hint = f"update it to {wanted}, or remove it: the package contains containerd"
    if compat.containerd_too_old(subject.kubernetes, containerd):
        text = f"containerd {containerd} of this host is too old for Kubernetes {subject.kubernetes}"
        yield Finding("ContainerRuntime", text, hint)
    elif tested:
        text = f"containerd {containerd} of this host is not tested with Kubernetes {subject.kubernetes}"
        yield Finding("ContainerRuntime", text, hint, fatal=False)


def _sandbox_image(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if config.ignore_runtime or subject.package is None or subject.ours(CONTAINERD):
        return
    found = facts.runtime(host)
    names = subject.package.image_names()
    if found is not None and found.cri and found.sandbox_image not in names:
        yield Finding(
            "SandboxImage",
            f"this host's containerd uses the sandbox image {found.sandbox_image}, which is not in the "
            "package; the package's pause image gets this tag too",
            fatal=False,
        )


def _network_plugins(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if subject.package is not None or config.cni != "flannel":
        return
    missing = [
        name
        for name in ("bridge", "host-local", "loopback", "portmap", "flannel")
        if host.stat(f"/opt/cni/bin/{name}") is None
    ]
    if missing:
        text = f"network plugins are missing in /opt/cni/bin: {', '.join(missing)}"
        yield Finding(
            "NetworkPlugins",
            text,
            "install containernetworking-plugins and the flannel plugin, or use a package",
        )


def _packet_filter(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    packed = subject.package is not None and subject.package.has("tools/edge/nft")
    if subject.role == "edge" and not packed and not facts.has_program(host, "nft"):
        hint = "install nftables from your distribution, or use a package"
        yield Finding("FileExisting-nft", "nft not found in system path", hint)


SUPPLY_CHECKS = (
    Check("Package", "the package is complete and for this host", _package),
    Check("DiskSpace", "there is disk space for images and binaries", _space),
    Check("Programs", "kubeadm and kubelet are installed or in the package", _programs),
    Check("ContainerRuntime", "a container runtime is installed or in the package", _runtime),
    Check("SandboxImage", "the runtime's sandbox image is available", _sandbox_image),
    Check("PacketFilter", "nft is installed or in the package", _packet_filter),
    Check(
        "NetworkPlugins", "the plugins of the pod network are installed or in the package", _network_plugins
    ),
)
