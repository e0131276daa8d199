"""Checks the host itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.config.control_plane import bind_port
from edgeadm.config.own_node import given_name
from edgeadm.hosts import facts
from edgeadm.hosts.units import unit_states
from edgeadm.kubeadm import compat
from edgeadm.package.manifest import FILTERS
from edgeadm.preflight.subject import Subject

GROUP = "host"
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


def _root(subject: Subject) -> Iterable[Outcome]:
    if subject.host.ask("id", "-u").out.strip() != "0":
        yield failed("user is not running as root")


def _cpu(subject: Subject) -> Iterable[Outcome]:
    found = facts.processors(subject.host)
    if found < CPUS and subject.role == "control-plane":
        yield failed(f"the number of available CPUs {found} is less than the required {CPUS}")


def _memory(subject: Subject) -> Iterable[Outcome]:
    found = facts.memory_mib(subject.host)
    if found < MEMORY_MIB and subject.role == "control-plane":
        yield failed(f"the system RAM ({found} MB) is less than the minimum {MEMORY_MIB} MB")


def _swap(subject: Subject) -> Iterable[Outcome]:
    used = facts.swaps(subject.host)
    kubelet = subject.config.document("KubeletConfiguration")
    if used and kubelet.get("failSwapOn", True):
        yield failed(f"swap is on ({', '.join(used)}) and the kubelet would not start")


def _hostname(subject: Subject) -> Iterable[Outcome]:
    name = given_name(subject.config) or facts.hostname(subject.host)
    hint = "`hostnamectl set-hostname NAME`, or `--node-name`"
    if not all(LABEL.fullmatch(label) for label in name.split(".")) or len(name) > 63:
        yield failed(f"`{name}` is not a valid node name", hint)
    elif name.isdecimal() or name.startswith("localhost"):
        yield failed(f"`{name}` is not unique to this node", hint)
    elif subject.host.ask("getent", "hosts", name).code != 0:
        text = f'hostname "{name}" could not be reached'
        yield warning(text, f"add a line with its address and `{name}` to /etc/hosts")


def _clock(subject: Subject) -> Iterable[Outcome]:
    if facts.clock(subject.host) < OLDEST_CLOCK:
        yield failed("the clock is years behind: certificates issued now would not be valid")


def _systemd(subject: Subject) -> Iterable[Outcome]:
    if subject.host.stat("/run/systemd/system") is None:
        yield failed("this host was not booted with systemd")


def _programs(subject: Subject) -> Iterable[Outcome]:
    needed, useful = compat.programs_on_path(subject.kubernetes)
    wanted = dict.fromkeys((*REQUIRED, *needed, *useful))
    brought = [name for name in wanted if subject.brings(name)]
    for name in facts.missing_programs(subject.host, *(name for name in wanted if name not in brought)):
        hint = f"install the package of your distribution that has `{name}`"
        if name in FILTERS:
            hint += ", or use an edgeadm package, which contains it"
        result = warning if name in useful else failed
        yield result(f"{name} not found in system path", hint, code=f"FileExisting-{name}")


def _modules(subject: Subject) -> Iterable[Outcome]:
    for module, sign in MODULES:
        if not facts.kernel_has(subject.host, module, sign):
            yield failed(f"the kernel does not support {module}", code=f"Module-{module}")


def _cgroups(subject: Subject) -> Iterable[Outcome]:
    if facts.cgroup_version(subject.host) == 1 and compat.kubelet_refuses_cgroup_v1(subject.kubernetes):
        yield warning(
            f"this host uses cgroup v1, which the kubelet of {subject.kubernetes} rejects by default; "
            "edgeadm sets failCgroupV1: false and skips kubeadm's SystemVerification"
        )


def _firewall(subject: Subject) -> Iterable[Outcome]:
    ports = f"{bind_port(subject.config)} and 10250" if subject.role == "control-plane" else "10250"
    for unit, state in unit_states(subject.host, "firewalld", "ufw").items():
        if state.active:
            yield warning(
                f"{unit} is active and is not changed: other nodes need TCP {ports}, UDP 8472",
                f"open these ports in {unit}",
            )


def _selinux(subject: Subject) -> Iterable[Outcome]:
    if (subject.host.read("/sys/fs/selinux/enforce") or b"").strip() == b"1":
        yield warning("SELinux is enforcing and is not changed")


NODE_CHECKS = (
    Check("IsPrivilegedUser", GROUP, "edgeadm runs as root", _root, hint="run it with sudo"),
    Check("NumCPU", GROUP, f"a control plane has at least {CPUS} processors", _cpu),
    Check("Mem", GROUP, f"a control plane has at least {MEMORY_MIB} MiB of memory", _memory),
    Check(
        "Swap",
        GROUP,
        "swap is off, or the kubelet is configured to tolerate it",
        _swap,
        hint="`swapoff -a` and take it out of /etc/fstab, or configure the kubelet with `failSwapOn: false`",
    ),
    Check("Hostname", GROUP, "the node's name is valid and resolves", _hostname),
    Check("Clock", GROUP, "the clock is set", _clock, hint="set it, or start a time service such as chrony"),
    Check(
        "Systemd",
        GROUP,
        "the host was booted with systemd",
        _systemd,
        hint="edgeadm runs the kubelet and containerd as systemd units",
    ),
    Check("FileExisting", GROUP, "the binaries that Kubernetes calls are installed", _programs),
    Check(
        "Module",
        GROUP,
        "the kernel supports container networks",
        _modules,
        hint="install the kernel's module package (on Ubuntu: linux-modules-extra)",
    ),
    Check(
        "CgroupVersion",
        GROUP,
        "the kubelet supports the cgroup version",
        _cgroups,
        hint="boot with systemd.unified_cgroup_hierarchy=1 for cgroup v2",
    ),
    Check("Firewall", GROUP, "no firewall is active", _firewall),
    Check(
        "SELinux",
        GROUP,
        "SELinux is not enforcing",
        _selinux,
        hint="container-selinux must be installed, or Pods may not read their volumes",
    ),
)
