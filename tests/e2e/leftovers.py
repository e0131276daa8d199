"""Resources of this host that a sandbox may leave behind."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edgeadm.hosts.process import execute

# Resources of other sandboxes of this host, which may change during a test.
SANDBOXES = re.compile(r"es-|edgeadm[-_]sandbox|/nodes/[a-z]+[0-9]+/")


def look() -> dict[str, set[str]]:
    """Mounts, namespaces, links, routes, rules, cgroups, loop devices and settings, one line each."""
    netns = Path("/run/netns")
    settings = ("fs/inotify/max_user_instances", "fs/inotify/max_user_watches", "vm/overcommit_memory")
    return {
        "mounts": {
            " ".join(line.split()[3:5]) for line in Path("/proc/self/mountinfo").read_text().splitlines()
        },
        "namespaces": {entry.name for entry in netns.iterdir()} if netns.is_dir() else set(),
        "links": {entry.name for entry in Path("/sys/class/net").iterdir()},
        "routes": _lines("ip", "route", "show", "table", "all"),
        "rules": _lines("nft", "list", "tables"),
        "iptables": {re.sub(r"\[.*\]", "", line) for line in _lines("iptables-save") if line[0] not in "#"},
        "cgroups": _cgroups(),
        "loops": _lines("losetup", "--list", "--noheadings", "--output", "BACK-FILE"),
        "settings": {f"{name}={Path('/proc/sys', name).read_text().strip()}" for name in settings},
        "run": {str(path) for path in Path("/run/systemd/nspawn").glob("*/*")},
    }


def new(
    before: dict[str, set[str]], after: dict[str, set[str]], mine: tuple[str, ...]
) -> dict[str, set[str]]:
    """Added and removed resources, without those of other sandboxes."""
    found = {}
    for kind in before:
        changed = before[kind] ^ after[kind]
        ours = {item for item in changed if any(word in item for word in mine) or not SANDBOXES.search(item)}
        if ours:
            found[kind] = ours
    return found


def processes(mine: tuple[str, ...]) -> list[str]:
    """The processes with one of these words in their command line or their cgroups."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_text(errors="replace") + (entry / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(word in text for word in mine):
            found.append(f"{entry.name}: {text}")
    return found


def _lines(*argv: str) -> set[str]:
    return set(execute(argv).checked().out.splitlines())


def _cgroups() -> set[str]:
    return {
        str(Path(folder) / child)
        for folder, children, _ in os.walk("/sys/fs/cgroup")
        for child in children
        if child.startswith("edgeadm")
    }
