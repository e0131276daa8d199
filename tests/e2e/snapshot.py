"""A snapshot of a host: files, units, links, addresses, routes, rules, mounts, cgroups, users, processes,
kernel parameters."""

from __future__ import annotations

import re
import time

from edgeadm.sandbox import Node
from tests.e2e.files import files

PATIENCE = 30.0  # seconds
MARK = "\036"  # precedes each kind in a node's output: the record separator
NOTHING = r"$^"
# A boot gives sshd and cron another pid, and the cable's other end another number.
OF_A_BOOT = r"files: (gone|new): /run/(sshd|crond)\.pid |links: (gone|new): \d+: eth0@"
# A value that is shared by all sandboxes of the host: another one may change it. edgeadm restores it, too,
# which `tests/unit/phases/test_reset.py` tests.
OF_THE_WHOLE_MACHINE = r"sysctls: (new|gone): (fs|kernel|user|vm)\."

# Files that every host changes by itself: logs, clocks, and systemd's run-time state.
VOLATILE = (
    "/proc",
    "/sys",
    "/dev",
    "/mnt/package",
    "/run/systemd",
    "/run/udev",
    "/run/log",
    "/run/dbus",
    "/run/user",
    "/run/utmp",
    "/tmp/systemd-private-*",
    "/var/log/journal",
    "/var/log/wtmp",
    "/var/log/lastlog",
    "/var/lib/systemd",
    "/var/tmp/systemd-private-*",
)
# Kernel parameters that count, or that a read changes.
MOVING = (
    "fs[.](dentry-state|inode-nr|inode-state|file-nr|aio-nr|quota)",
    "kernel[.](ns_last_pid|pty[.]nr|random|perf)",
    "net[.]netfilter[.]nf_conntrack_count",
)
PRUNED = " -o ".join(f"-path '{path}'" for path in VOLATILE)
SKIPPED = "|".join(path for path in VOLATILE if "*" not in path)
# Files in memory, in the format of `files.py`.
MEMORY = rf"""
mapfile -t at < <(awk '$3 == "tmpfs" && $2 !~ "^({SKIPPED})(/|$)" {{ print $2 }}' /proc/mounts)
walk() {{ find "${{at[@]}}" -xdev \( {PRUNED} \) -prune -o "$@" 2>/dev/null; }}
{{
  walk -printf '%p %m %U:%G %y %l\n' | sed 's/ $//'
  walk -type f -exec sha256sum {{}} + | sed -E 's/^(\S+)  (.*)$/\2 \1/'
}} | sort -u
"""
# An IPv6 address is tentative for a second or two after its link comes up; without a carrier it stays so.
STEADY = 'for _ in {1..50}; do [ -z "$(ip -o -6 addr show tentative)" ] && break; sleep 0.1; done'
COMMANDS = {
    "memory": MEMORY,
    "units": "systemctl list-unit-files --no-pager --no-legend | awk '{print $1, $2, $3}'; "
    "systemctl list-units --all --no-pager "
    "--plain --no-legend | awk '{print $1, $2, $3}' | grep -vE 'session|user@|user-runtime|user-0'",
    "links": "ip -o link | sed 's/<[^>]*>//'",
    "addresses": "ip -o addr show | sed 's/ valid_lft.*//'",
    "routes": "ip route show table all; ip -6 route show table all | sed 's/expires.*//'",
    "rules": "nft list ruleset; iptables-save 2>/dev/null | grep -v '^#'",
    "mounts": "cut -d' ' -f1-4 /proc/mounts | sort",
    "modules": "ls /etc/modules-load.d",
    "cgroups": "find /sys/fs/cgroup -type d | grep -vE '(session|user|run)-[^/]*[.](scope|slice)' | sort",
    "users": "getent passwd; getent group",
    # A name in brackets is a program that has just ended: a node sees no threads of the kernel. udev starts
    # workers for events, such as a new link, and ends them when they have had nothing to do for a while.
    "processes": "ps -eo args= | "
    r"grep -vE '^(ps|grep|sort|bash -c|sh)( |$)|^\[|^\(udev-worker\)|sshd' | sort",
    "sysctls": f"sysctl -a 2>/dev/null | grep -vE '^({'|'.join(MOVING)})'",
}


def snapshot(node: Node) -> dict[str, list[str]]:
    """All properties by kind, each as lines. Files on its disk are read from outside (`files.py`), all others
    from inside."""
    marked = (f"printf '{MARK}{kind}\\n'; {{ {command}\n}}" for kind, command in COMMANDS.items())
    said = node.exec(["bash", "-c", "\n".join([STEADY, *marked])], check=False).out
    parts = (part.partition("\n") for part in said.split(MARK)[1:])
    found = {kind: lines.splitlines() for kind, _, lines in parts}
    return {"files": sorted(found.pop("memory") + files(node, VOLATILE)), **found}


def difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Added and removed lines."""
    found = []
    for kind, lines in before.items():
        old, new = set(lines), set(after[kind])
        found += [f"{kind}: gone: {line}" for line in sorted(old - new)]
        found += [f"{kind}: new: {line}" for line in sorted(new - old)]
    return found


def changed(before: dict[str, list[str]], node: Node, besides: str = NOTHING) -> list[str]:
    """Persistent differences on the node, without values that it shares with other nodes, and without lines
    that match `besides`.

    A host always changes by itself, but only temporarily; edgeadm's leftovers are persistent.
    """
    end = time.monotonic() + PATIENCE
    while True:
        found = difference(before, snapshot(node))
        found = [line for line in found if not re.match(f"{OF_THE_WHOLE_MACHINE}|{besides}", line)]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)
