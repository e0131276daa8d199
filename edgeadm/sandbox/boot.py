"""Runs a node: a small shell script that runs as long as the node is on, and boots it again after a reboot
from inside. Each iteration starts like a power-on: new cgroups, new network."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from edgeadm.sandbox import cgroups, line, names, switch, vm
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

# Moves itself into the cgroups whose `cgroup.procs` are named before the `--`, then becomes the command.
ENTER = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"'

SCRIPT = """\
#!/bin/sh
# Runs the node {node} of the sandbox {sandbox}; written by edgeadm, one turn of the loop per boot.
quiet() {{ "$@" 2>/dev/null; }}
# A command from this host that ran in the node may end a moment later than the node.
emptied() {{
    tries=0
    while [ -d "$1" ] && ! quiet find "$1" -depth -type d -exec rmdir {{}} +; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || return 1
        sleep 0.1
    done
}}
while :; do
    for place in {places}; do
        emptied "$place" || {{ echo "$place cannot be removed"; exit 70; }}
        mkdir "$place" || exit 71
        case $place in
        */cpuset/*)
            cat "$place/../cpuset.cpus" >"$place/cpuset.cpus"
            cat "$place/../cpuset.mems" >"$place/cpuset.mems"
            echo 1 >"$place/cgroup.clone_children"
            ;;
        esac
    done
{unplug}
    . {plug} # read at each boot: interfaces may have been added or removed
    [ -e {cable_down} ] || {cable_up} || exit 73
    /bin/sh -c {enter} sh {procs} -- {command}
    status=$?
    echo "$(date -u +%FT%TZ) {node} ended with status $status"
    [ $status -eq 133 ] || exit 0 # 133: the node rebooted itself
done
"""


@dataclass(frozen=True)
class Runner:
    """The script of one node, and the identification of its process."""

    path: Path

    @property
    def argv(self) -> list[str]:
        return ["/bin/sh", str(self.path)]

    def pid(self) -> int | None:
        """The process, or None if the node is off.

        It is identified by its pid and start time, or, if those are lost, by its complete command line.
        """
        words = self._remembered.read_text().split() if self._remembered.exists() else []
        if len(words) == 2 and _start_time(words[0]) == words[1]:
            return int(words[0])
        for entry in os.listdir("/proc"):  # noqa: PTH208  names only, thousands of them
            if entry.isdigit() and _argv(int(entry)) == self.argv and _is_parent(int(entry)):
                return int(entry)
        return None

    def remember(self, pid: int) -> None:
        """Record the process id."""
        part = self.path.with_suffix(".pid-part")
        part.write_text(f"{pid} {_start_time(str(pid))}")
        part.replace(self._remembered)

    def forget(self) -> None:
        """Remove the record of the process."""
        self._remembered.unlink(missing_ok=True)

    @property
    def _remembered(self) -> Path:
        return self.path.with_suffix(".pid")


def write_script(folder: Path, record: SandboxRecord, node: NodeRecord, package: Path) -> Runner:
    """Write the script that runs the node as a container."""
    plug = write_network(folder, record, node)
    return write_runner(folder, record, node, plug, nspawn(folder, record, node, package))


def write_machine_script(
    folder: Path, record: SandboxRecord, node: NodeRecord, machine: vm.Machine
) -> Runner:
    """Write the script that runs the node as a virtual machine."""
    plug = vm.write_plug(folder, record, node)
    return write_runner(folder, record, node, plug, vm.command(folder, record, node, machine))


def write_runner(
    folder: Path, record: SandboxRecord, node: NodeRecord, plug: Path, command: list[str]
) -> Runner:
    """Write the script that sets up the node's network with `plug` and runs the command in its cgroups."""
    places = cgroups.places(cgroups_name(record, node), cgroups.this_machine())
    text = SCRIPT.format(
        node=node.name,
        sandbox=record.name,
        places=shlex.join(map(str, places)),
        procs=shlex.join(str(place / "cgroup.procs") for place in places),
        enter=shlex.quote(ENTER),
        unplug="\n".join(
            f"    quiet {shlex.join(argv)}"
            for argv in (*line.clear_line(record, node), *switch.unplug(record, node))
        ),
        plug=shlex.quote(str(plug)),
        cable_down=shlex.quote(str(folder / "cable-down")),
        cable_up=shlex.join(switch.cable(record, node.name, up=True)),
        command=shlex.join(command),
    )
    path = folder / "run"
    path.write_text(text)
    return Runner(path)


def write_network(folder: Path, record: SandboxRecord, node: NodeRecord) -> Path:
    """Write the commands that set up the node's network at each boot; returns their file."""
    path, part = folder / "plug", folder / ".plug"
    bad, lost = shlex.quote(str(folder / "line")), shlex.quote(str(folder / "no-address"))
    steps = [f"{shlex.join(argv)} || exit 72" for argv in switch.plug(record, node)]
    steps.append(f"[ ! -e {bad} ] || /bin/sh {bad} || exit 74")
    steps += [f"[ -e {lost} ] || {shlex.join(each)} || exit 72" for each in switch.give_address(record, node)]
    part.write_text("".join(f"{each}\n" for each in steps))
    part.replace(path)
    return path


def nspawn(folder: Path, record: SandboxRecord, node: NodeRecord, package: Path) -> list[str]:
    """The command that boots the node's init, with all privileges of a host except for its network."""
    # Entered from outside, because nspawn's own --network-namespace-path leaves the host's network in /sys.
    argv = [
        "nsenter",
        f"--net=/run/netns/{names.node_netns(record.name, node.name)}",
        "env",
        "SYSTEMD_NSPAWN_LOCK=0",  # we lock, and its lock files would stay
        "systemd-nspawn",
        "--quiet",
        "--boot",
        "--register=no",
        "--keep-unit",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--console=pipe",
        "--capability=all",
        "--system-call-filter=add_key keyctl bpf perf_event_open @mount @keyring @privileged",
        f"--machine={names.machine_name(record.name, node.name)}",
        f"--hostname={node.name}",
        f"--directory={folder / 'root'}",
        f"--bind={folder / 'disk/containerd'}:/var/lib/containerd",
        f"--bind={folder / 'disk/kubelet'}:/var/lib/kubelet",
        f"--bind-ro={package}:/mnt/package",
        "--bind=/dev/kmsg",
    ]
    if Path("/lib/modules").is_dir():
        argv.append("--bind-ro=/lib/modules")
    return argv


def cgroups_name(record: SandboxRecord, node: NodeRecord) -> str:
    """The name of the node's cgroups."""
    return names.cgroup_name(record.name, node.name)


def leader(places: list[Path]) -> int | None:
    """The node's init as seen from the host: the first process of a PID namespace just below ours."""
    depth = len(_ns_pids("self"))
    for pid in sorted(cgroups.processes(places)):
        inside = _ns_pids(str(pid))
        if len(inside) == depth + 1 and inside[-1] == "1":
            return pid
    return None


def _ns_pids(pid: str) -> list[str]:
    try:
        lines = Path("/proc", pid, "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])


def _argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _start_time(pid: str) -> str:
    """The start time of a running process in clock ticks since the kernel's start; empty if it has ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _is_parent(pid: int) -> bool:
    """Whether it is not one of the short-lived copies of a shell between fork and exec."""
    fields = _stat(str(pid))
    return bool(fields) and _argv(int(fields[1])) != _argv(pid)


def _stat(pid: str) -> list[str]:
    """The fields of /proc/PID/stat after the name, state first."""
    try:
        return Path("/proc", pid, "stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
