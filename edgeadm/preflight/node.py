"""Checks the host itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeadm.config import Config
from edgeadm.config.control_plane import bind_port
from edgeadm.config.own_node import given_name
from edgeadm.hosts import Host, facts
from edgeadm.kubeadm import compat
from edgeadm.package.manifest import FILTERS
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject

CPUS = 2
MEMORY_MIB = 1700  # kubeadm's own bound (constants.go, ControlPlaneMem)
OLDEST_CLOCK = 1_735_689_600  # 2025-01-01: a clock before that was never set
# Programs that edgeadm, kubeadm and kubelet start on a node. A default installation of Debian has all of them
# but iptables, which packages bring.
REQUIRED = (
    *("cp", "df", "find", "getent", "ip", "iptables", "journalctl", "kill", "ln", "losetup", "modprobe"),
    *("mount", "sh", "stat", "sysctl", "systemctl", "umount"),
)
MODULES = (
    ("overlay", "/sys/module/overlay"),
    ("br_netfilter", "/proc/sys/net/bridge/bridge-nf-call-iptables"),
    ("nf_conntrack", "/proc/sys/net/netfilter/nf_conntrack_max"),
)
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def _root(host: Host, _config: Config, _subject: Subject) -> Iterable[Finding]:
    if host.ask("id", "-u").out.strip() != "0":
        yield Finding("IsPrivilegedUser", "user is not running as root", "run it with sudo")


def _cpu(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    found = facts.processors(host)
    if found < CPUS and subject.role == "control-plane":
        yield Finding("NumCPU", f"the number of available CPUs {found} is less than the required {CPUS}")


def _memory(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    found = facts.memory_mib(host)
    if found < MEMORY_MIB and subject.role == "control-plane":
        yield Finding("Mem", f"the system RAM ({found} MB) is less than the minimum {MEMORY_MIB} MB")


def _swap(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    used = facts.swaps(host)
    kubelet = config.document("KubeletConfiguration")
    if used and kubelet.get("failSwapOn", True):
        yield Finding(
            "Swap",
            f"swap is on ({', '.join(used)}) and the kubelet would not start",
            "`swapoff -a` and take it out of /etc/fstab, or configure the kubelet with `failSwapOn: false`",
        )


def _hostname(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    name = given_name(config) or facts.hostname(host)
    hint = "`hostnamectl set-hostname NAME`, or `--node-name`"
    if not all(LABEL.fullmatch(label) for label in name.split(".")) or len(name) > 63:
        yield Finding("Hostname", f"`{name}` is not a valid node name", hint)
    elif name.isdecimal() or name.startswith("localhost"):
        yield Finding("Hostname", f"`{name}` is not unique to this node", hint)
    elif host.ask("getent", "hosts", name).code != 0:
        text = f'hostname "{name}" could not be reached'
        yield Finding(
            "Hostname", text, f"add a line with its address and `{name}` to /etc/hosts", fatal=False
        )


def _clock(host: Host, _config: Config, _subject: Subject) -> Iterable[Finding]:
    if facts.clock(host) < OLDEST_CLOCK:
        text = "the clock is years behind: certificates issued now would not be valid"
        yield Finding("Clock", text, "set it, or start a time service such as chrony")


def _systemd(host: Host, _config: Config, _subject: Subject) -> Iterable[Finding]:
    if host.stat("/run/systemd/system") is None:
        text = "this host was not booted with systemd"
        yield Finding("Systemd", text, "edgeadm runs the kubelet and containerd as systemd units")


def _programs(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    needed, useful = compat.programs_on_path(subject.kubernetes)
    wanted = dict.fromkeys((*REQUIRED, *needed, *useful))
    brought = [name for name in wanted if subject.brings(name)]
    for name in facts.missing_programs(host, *(name for name in wanted if name not in brought)):
        hint = f"install the package of your distribution that has `{name}`"
        if name in FILTERS:
            hint += ", or use an edgeadm package, which contains it"
        yield Finding(f"FileExisting-{name}", f"{name} not found in system path", hint, name not in useful)


def _modules(host: Host, _config: Config, _subject: Subject) -> Iterable[Finding]:
    for module, sign in MODULES:
        if not facts.kernel_has(host, module, sign):
            hint = "install the kernel's module package (on Ubuntu: linux-modules-extra)"
            yield Finding(f"Module-{module}", f"the kernel does not support {module}", hint)


def _cgroups(host: Host, _config: Config, subject: Subject) -> Iterable[Finding]:
    if facts.cgroup_version(host) == 1 and compat.kubelet_refuses_cgroup_v1(subject.kubernetes):
        yield Finding(
            "CgroupVersion",
            f"this host uses cgroup v1, which the kubelet of {subject.kubernetes} rejects by default; "
            "edgeadm sets failCgroupV1: false and skips kubeadm's SystemVerification",
            "boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2",
            fatal=False,
        )


def _firewall(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    ports = f"{bind_port(config)} and 10250" if subject.role == "control-plane" else "10250"
    for unit in ("firewalld", "ufw"):
        if host.ask("systemctl", "is-active", "--quiet", unit).code == 0:
            yield Finding(
                "Firewall",
                f"{unit} is active and is not changed: other nodes need TCP {ports}, UDP 8472",
                f"open these ports in {unit}",
                fatal=False,
            )


def _selinux(host: Host, _config: Config, _subject: Subject) -> Iterable[Finding]:
    if (host.read("/sys/fs/selinux/enforce") or b"").strip() == b"1":
        text = "SELinux is enforcing and is not changed"
        hint = "container-selinux must be installed, or Pods may not read their volumes"
        yield Finding("SELinux", text, hint, fatal=False)


NODE_CHECKS = (
    Check("IsPrivilegedUser", "edgeadm runs as root", _root),
    Check("NumCPU", f"a control plane has at least {CPUS} processors", _cpu),
    Check("Mem", f"a control plane has at least {MEMORY_MIB} MiB of memory", _memory),
    Check("Swap", "swap is off, or the kubelet is configured to tolerate it", _swap),
    Check("Hostname", "the node's name is valid and resolves", _hostname),
    Check("Clock", "the clock is set", _clock),
    Check("Systemd", "the host was booted with systemd", _systemd),
    Check("FileExisting", "the binaries that Kubernetes calls are installed", _programs),
    Check("Module", "the kernel supports container networks", _modules),
    Check("CgroupVersion", "the kubelet supports the cgroup version", _cgroups),
    Check("Firewall", "no firewall is active", _firewall),
    Check("SELinux", "SELinux is not enforcing", _selinux),
)
