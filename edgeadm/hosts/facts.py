"""Facts about a host: each one is a command or a file and a parser, which is tested with text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from edgeadm.hosts.base import Host

CAP_SYS_RESOURCE = 24
# `uname -m` → the architecture in Kubernetes' terms, if they differ.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


@dataclass(frozen=True)
class Runtime:
    """A containerd on the host: its version, and the CRI settings of its configuration."""

    version: str
    cri: bool
    systemd_cgroup: bool
    sandbox_image: str


def architecture(host: Host) -> str:
    """The host's architecture in Kubernetes' terms: amd64, arm64 …"""
    machine = host.ask("uname", "-m").out.strip()
    return ARCHITECTURES.get(machine, machine)


def hostname(host: Host) -> str:
    """The host's own name, in lower case as in kubeadm."""
    return host.ask("hostname").out.strip().lower()


def processors(host: Host) -> int:
    """The number of available processors."""
    text = host.ask("nproc").out.strip()
    return int(text) if text.isdecimal() else 0


def memory_mib(host: Host) -> int:
    """Total memory, MiB."""
    found = re.search(rb"^MemTotal:\s+(\d+) kB", host.read("/proc/meminfo") or b"", re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def swaps(host: Host) -> list[str]:
    """Devices and files in use for swap."""
    lines = (host.read("/proc/swaps") or b"").decode().splitlines()[1:]
    return [line.split()[0] for line in lines if line.strip()]


def listening_ports(host: Host) -> set[int]:
    """TCP ports with a listener, from /proc/net/tcp and tcp6."""
    ports: set[int] = set()
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        ports |= parse_listening((host.read(path) or b"").decode())
    return ports


def parse_listening(text: str) -> set[int]:
    """Ports in state LISTEN (0A) of a /proc/net/tcp table."""
    ports = set()
    for line in text.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 3 and columns[3] == "0A":
            ports.add(int(columns[1].rpartition(":")[2], 16))
    return ports


def cgroup_version(host: Host) -> int:
    """The cgroup version that the kubelet will detect, 1 or 2 (kubelet uses the same file system check)."""
    kind = host.ask("stat", "-f", "-c", "%T", "/sys/fs/cgroup").out.strip()
    return 2 if kind == "cgroup2fs" else 1


def can_lower_oom_score(host: Host) -> bool:
    """Whether processes of this host may lower their OOM score: this is not allowed in nodes that are
    containers, and runc then fails unless containerd restricts the value."""
    found = re.search(rb"^CapEff:\s+([0-9a-f]+)", host.read("/proc/1/status") or b"", re.MULTILINE)
    bounded = host.ask("systemd-detect-virt", "--container").code == 0
    return not bounded and found is not None and bool(int(found[1], 16) >> CAP_SYS_RESOURCE & 1)


def sysctls(host: Host, names: Iterable[str]) -> dict[str, str]:
    """The values of these kernel parameters, asked at once; a kernel may lack some of them."""
    paths = {f"/proc/sys/{name.replace('.', '/')}": name for name in names}
    pairs = (line.split(":", 1) for line in host.ask("grep", "-Hs", "", *paths).out.splitlines())
    return {paths[path]: value.strip() for path, value in pairs if path in paths}


def conntrack_is_fixed(host: Host) -> bool:
    """Whether the size of the connection table is read-only (in a network namespace of its own)."""
    path = "/proc/sys/net/netfilter/nf_conntrack_max"
    return host.stat(path) is not None and host.ask("test", "-w", path).code != 0


def default_address(host: Host) -> str:
    """The address of the interface with the default route, or an empty string."""
    return _default_route(host, "src")


def default_interface(host: Host) -> str:
    """The interface with the default route, or an empty string."""
    return _default_route(host, "dev")


def addresses(host: Host) -> dict[str, list[str]]:
    """Interface → its addresses with prefix length."""
    found: dict[str, list[str]] = {}
    for line in host.ask("ip", "-o", "addr", "show").out.splitlines():
        columns = line.split()
        if len(columns) > 3 and columns[2] in ("inet", "inet6"):
            found.setdefault(columns[1], []).append(columns[3])
    return found


def links(host: Host) -> set[str]:
    """Names of the network interfaces. /sys may belong to another network namespace, so `ip` is used."""
    lines = host.ask("ip", "-o", "link", "show").out.splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.count(":") > 1)
    return {name.partition("@")[0] for name in names}


def processes(host: Host) -> dict[str, list[str]]:
    """Process → its command line arguments; kernel threads have none."""
    pids = (name for name in host.names("/proc") if name.isdecimal())
    found = {pid: host.read(f"/proc/{pid}/cmdline") for pid in pids}
    return {pid: data.decode(errors="replace").split("\0")[:-1] for pid, data in found.items() if data}


def mount_points(host: Host) -> list[str]:
    """Mount points, in mount order."""
    lines = (host.read("/proc/mounts") or b"").decode().splitlines()
    paths = (line.split()[1] for line in lines if len(line.split()) > 1)
    return [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path) for path in paths]


def is_mount_point(host: Host, path: str) -> bool:
    """Whether the path is a mount point: such a directory can be emptied, but not removed."""
    return path in mount_points(host)


def can_set(host: Host, parameter: str) -> bool:
    """Whether a kernel parameter is writable: in a container, some are not."""
    return host.ask("test", "-w", "/proc/sys/" + parameter.replace(".", "/")).code == 0


def _default_route(host: Host, word: str) -> str:
    answer = host.ask("ip", "-o", "route", "get", "192.0.2.1").out
    found = re.search(rf"\b{word} (\S+)", answer)
    return found[1] if found else ""


def free_mib(host: Host, path: str) -> int:
    """Free space, MiB, of the file system of the path or its nearest existing parent."""
    above = [path, *(str(each) for each in PurePosixPath(path).parents)]
    there = host.stat_all(above)
    path = next((each for each in above if each in there), "/")
    lines = host.ask("df", "-Pk", path).out.splitlines()
    return int(lines[-1].split()[3]) // 1024 if len(lines) > 1 else 0


def has_program(host: Host, name: str) -> bool:
    """Whether the program is on root's PATH or in a system directory."""
    return not missing_programs(host, name)


def missing_programs(host: Host, *names: str) -> list[str]:
    """The programs that are neither on root's PATH nor in a system directory."""
    script = 'PATH="$PATH:/usr/sbin:/sbin"; for each; do command -v "$each" >/dev/null || echo "$each"; done'
    return host.ask("sh", "-c", script, "sh", *names).out.split()


def kernel_has(host: Host, module: str, sign: str) -> bool:
    """Whether a kernel module is built in or loaded (then `sign` exists), or can be loaded."""
    return host.stat(sign) is not None or host.ask("modprobe", "-n", "-q", module).code == 0


def clock(host: Host) -> int:
    """Seconds since 1970 by the host's clock."""
    text = host.ask("date", "+%s").out.strip()
    return int(text) if text.isdecimal() else 0


def kubeadm_version(host: Host) -> str:
    """Version of the kubeadm on the host's PATH, or an empty string."""
    answer = host.ask("kubeadm", "version", "-o", "short")
    return answer.out.strip() if answer.code == 0 else ""


def runtime(host: Host) -> Runtime | None:
    """The containerd on the host, or None."""
    answer = host.ask("containerd", "--version")
    if answer.code != 0:
        return None
    version = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", answer.out)
    return parse_runtime(version[1] if version else "", host.ask("containerd", "config", "dump").out)


def parse_runtime(version: str, dump: str) -> Runtime:
    """The CRI settings of a `containerd config dump`, of configuration versions 2 and 3."""
    import tomllib

    settings = tomllib.loads(dump)
    disabled = settings.get("disabled_plugins", [])
    plugins = settings.get("plugins", {})
    one = plugins.get("io.containerd.grpc.v1.cri", {})
    two = plugins.get("io.containerd.cri.v1.runtime", {})
    images = plugins.get("io.containerd.cri.v1.images", {})
    runc = (two or one).get("containerd", {}).get("runtimes", {}).get("runc", {}).get("options", {})
    return Runtime(
        version=version,
        cri=not any(name in disabled for name in ("cri", "io.containerd.grpc.v1.cri")),
        systemd_cgroup=bool(runc.get("SystemdCgroup", False)),
        sandbox_image=str(images.get("pinned_images", {}).get("sandbox") or one.get("sandbox_image") or ""),
    )
