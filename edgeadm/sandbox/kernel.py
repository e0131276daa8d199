"""Kernel modules and settings of the host that nodes require."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox.errors import SandboxKernelError

MODULES = (
    "overlay",
    "loop",
    "veth",
    "bridge",
    "br_netfilter",
    "vxlan",
    "nf_tables",
    "nf_conntrack",
    "xt_comment",
)
# Setting → the minimum for several kubelets on one kernel.
LEAST = {"fs.inotify.max_user_instances": 1024, "fs.inotify.max_user_watches": 524288}
# Settings without a namespace that a kubelet in a node changes for the whole host.
CHANGED_BY_KUBELET = (
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)
# Settings without a namespace in the sysctl.d files that Debian 11 to 13 install.
CHANGED_AT_BOOT = (
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "kernel.core_pattern",
    "kernel.core_uses_pid",
    "kernel.pid_max",
    "kernel.sysrq",
    "net.core.default_qdisc",
    "vm.max_map_count",
)
_BEFORE = "kernel-before.json"


def prepare(base: Path, say: Callable[[str], None]) -> None:
    """Load modules and raise settings; previous values are saved in `base`. Raises SandboxKernelError."""
    for module in MODULES:
        execute(["modprobe", "--quiet", module])  # built in, or checked just below
    if "overlay" not in Path("/proc/filesystems").read_text():
        raise SandboxKernelError(
            "this kernel has no overlay file system", hint="`modprobe overlay` shows the reason"
        )
    if not Path("/proc/sys/net/bridge").exists():
        raise SandboxKernelError(
            "this kernel does not filter bridged packets", hint="`modprobe br_netfilter` shows the reason"
        )
    _remember(base)
    for setting, least in LEAST.items():
        now = int(_path(setting).read_text())
        if now < least:
            say(f"{setting}: {now} -> {least} on this host, until the last sandbox is down")
            _path(setting).write_text(str(least))


def restore(base: Path) -> None:
    """Restore the settings from before the first sandbox."""
    before = base / _BEFORE
    if not before.exists():
        return
    with suppress(ValueError):  # incomplete: the process was killed before it changed any setting
        for setting, value in json.loads(before.read_text()).items():
            if _path(setting).exists() and _path(setting).read_text().strip() != value:
                _path(setting).write_text(value)
    before.unlink()


def _remember(base: Path) -> None:
    before = base / _BEFORE
    if before.exists():
        return
    base.mkdir(parents=True, exist_ok=True)
    settings = [
        setting for setting in (*LEAST, *CHANGED_BY_KUBELET, *CHANGED_AT_BOOT) if _path(setting).exists()
    ]
    part = before.with_suffix(".part")
    part.write_text(json.dumps({setting: _path(setting).read_text().strip() for setting in settings}))
    part.replace(before)


def _path(setting: str) -> Path:
    return Path("/proc/sys", *setting.split("."))
