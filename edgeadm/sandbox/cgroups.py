"""A separate cgroup for every node in every hierarchy, so that two kubelets never share `/kubepods`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgeadm.clock import CLOCK
from edgeadm.sandbox.errors import SandboxLeftoverError

V2_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup hierarchy: `here` is the parent of the nodes' directories. `controllers` is empty for
    version 2."""

    mount: Path
    here: Path
    controllers: str = ""


def hierarchies(mountinfo: str, own: str) -> list[Hierarchy]:
    """The hierarchies of this host, from /proc/self/mountinfo and /proc/self/cgroup.

    Version 1: nodes are created below our own cgroup and inherit its limits. Version 2: below the root,
    because a cgroup that contains processes cannot delegate controllers.
    """
    paths = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        paths[frozenset(controllers.split(","))] = path
    found: dict[Path, Hierarchy] = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        root, mount = left.split()[3:5]
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            found[Path(mount)] = Hierarchy(Path(mount), Path(mount))
        elif kind == "cgroup":
            given = set(options.replace(" ", ",").split(","))
            for names, path in paths.items():
                if names != {""} and names <= given:
                    here = Path(mount) / path.removeprefix(root.rstrip("/")).lstrip("/")
                    found[Path(mount)] = Hierarchy(Path(mount), here, ",".join(sorted(names)))
    return list(found.values())


def this_machine() -> list[Hierarchy]:
    """The hierarchies that are mounted now."""
    return hierarchies(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())


def is_version_2(found: list[Hierarchy]) -> bool:
    """Whether only version 2 is mounted."""
    return all(not hierarchy.controllers for hierarchy in found)


def places(name: str, found: list[Hierarchy]) -> list[Path]:
    """The cgroup directories of a node's processes."""
    return [hierarchy.here / name for hierarchy in found]


def enable_controllers(found: list[Hierarchy]) -> None:
    """With version 2 only: enable the controllers that kubelet requires below the root."""
    for hierarchy in found if is_version_2(found) else []:
        offered = (hierarchy.here / "cgroup.controllers").read_text().split()
        for controller in V2_CONTROLLERS:
            if controller in offered:
                (hierarchy.here / "cgroup.subtree_control").write_text(f"+{controller}")


def left_behind(is_ours: Callable[[str], bool], found: list[Hierarchy]) -> list[Path]:
    """All node directories with such names, regardless of the cgroup of the edgeadm that created them."""
    result = []
    for hierarchy in found:
        for folder, children, _ in os.walk(hierarchy.mount):
            for child in [child for child in children if child.startswith("edgeadm-sandbox.")]:
                children.remove(child)
                if is_ours(child):
                    result.append(Path(folder) / child)
    return result


def processes(folders: list[Path]) -> set[int]:
    """Every process in these cgroups and those below them."""
    found: set[int] = set()
    for folder in folders:
        for below, _, files in os.walk(folder):
            if "cgroup.procs" in files:
                try:
                    words = (Path(below) / "cgroup.procs").read_text().split()
                except OSError:  # deleted, or a cgroup type without processes
                    continue
                found.update(int(word) for word in words if word != "0")
    return found


def kill_all(folders: list[Path], patience: float = 180.0) -> None:
    """A power cut: send SIGKILL to all processes, repeatedly until none is left. Raises
    SandboxLeftoverError."""
    alive: set[int] = set()
    killed: set[int] = set()

    def are_gone() -> bool:
        nonlocal alive
        alive = processes(folders)
        killed.update(alive)
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not alive and not any(map(_is_dying, killed))

    if not CLOCK.poll(are_gone, patience, 0.02):
        raise SandboxLeftoverError(
            "processes of a node cannot be killed: " + ", ".join(map(str, sorted(alive or killed))),
            hint="`cat /proc/PID/stack` shows the reason",
        )


def remove(folders: list[Path], patience: float = 60.0) -> None:
    """Delete the cgroups with all below them. Raises SandboxLeftoverError."""
    for folder in folders:
        if not CLOCK.poll(partial(_is_gone, folder), patience, 0.05):
            raise SandboxLeftoverError(
                f"the cgroup {folder} cannot be removed",
                hint="its cgroup.procs lists the remaining processes",
            )


def _is_gone(folder: Path) -> bool:
    """Whether the cgroup is not there, or could be removed now."""
    return not folder.exists() or _removed(folder)


def _is_dying(pid: int) -> bool:
    """Whether a killed process has left its cgroup, but has not ended yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def _removed(folder: Path) -> bool:
    for below, _, _ in os.walk(folder, topdown=False):
        try:
            Path(below).rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # busy: a process is exiting
            return False
    return True


def ancestry(pid: int) -> Iterator[str]:
    """The paths of a process in all hierarchies."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        yield line.split(":", 2)[2]
