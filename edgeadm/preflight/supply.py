"""Is all there that the node is to be made of: the package, or what the host has instead?"""

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
        text = f"the package is for {package.manifest.arch}, this machine is {arch}"
        yield Finding("PackageArch", text, f"build or fetch the package for {arch}")
        return
    if not package.files("program"):
        text = f"the package holds nothing for the role {subject.role}"
        yield Finding("PackageRole", text, "`edgeadm package list` shows what it is for")
    if subject.ours(KUBELET):
        return  # what is still missing is verified when it is unpacked
    free, wanted = facts.free_mib(host, PRIVATE), package.own_mib()
    if free < wanted and package.keeps and not subject.resuming:
        text = f"{free} MiB are free for {PRIVATE}, {wanted} MiB are needed"
        yield Finding("DiskSpace", text, "free some space or give it a disk of its own")
    try:
        package.check(subject.say, room=free >= wanted)
    except EdgeadmError as error:
        yield Finding("Package", f"{error.message} [{error.code}]", error.hint, cause=error)


def _space(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    wanted = subject.package.unpacked_mib() + HEADROOM_MIB if subject.package else ONLINE_MIB
    free = facts.free_mib(host, "/var/lib/containerd")
    if free < wanted and not subject.resuming:
        text = f"{free} MiB are free for /var/lib/containerd, {wanted} MiB are needed"
        yield Finding("DiskSpace", text, "free some space or give it a disk of its own")


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
                "install containerd, pass a package that holds it, or `--ignore-runtime` for another runtime"
            )
            yield Finding("ContainerRuntime", "there is no containerd on this machine", hint)
        return
    yield from _runtime_version(found.version, subject)
    if not found.cri:
        text = "this machine's containerd has its CRI plugin disabled"
        hint = "take `cri` out of `disabled_plugins` in /etc/containerd/config.toml and restart containerd"
        yield Finding("ContainerRuntime", text, hint)


def _runtime_version(containerd: str, subject: Subject) -> Iterable[Finding]:
    """An error only if Kubernetes does not run on it, as kubeadm has it."""
    tested = compat.containerd_tested(subject.kubernetes, containerd)
    wanted = compat.containerd_wanted(subject.kubernetes, containerd)
    hint = f"update it to {wanted}, or remove it: the package has one"
    if compat.containerd_too_old(subject.kubernetes, containerd):
        text = f"this machine's containerd {containerd} is too old for Kubernetes {subject.kubernetes}"
        yield Finding("ContainerRuntime", text, hint)
    elif tested:
        text = f"containerd {containerd} of this machine is not tested with Kubernetes {subject.kubernetes}"
        yield Finding("ContainerRuntime", text, hint, fatal=False)


def _sandbox_image(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    if config.ignore_runtime or subject.package is None or subject.ours(CONTAINERD):
        return
    found = facts.runtime(host)
    names = subject.package.image_names()
    if found is not None and found.cri and found.sandbox_image not in names:
        yield Finding(
            "SandboxImage",
            f"this machine's containerd starts pods from {found.sandbox_image}, which the package has not; "
            "the package's pause image gets that name as well",
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
    Check("Package", "the package is whole and fits this machine", _package),
    Check("DiskSpace", "there is room for images and programs", _space),
    Check("Programs", "kubeadm and kubelet are there or in the package", _programs),
    Check("ContainerRuntime", "there is a container runtime, or the package has one", _runtime),
    Check("SandboxImage", "the runtime's sandbox image can be had", _sandbox_image),
    Check("PacketFilter", "an edge node has nft, or the package does", _packet_filter),
    Check("NetworkPlugins", "the pod network's plugins are there or in the package", _network_plugins),
)
