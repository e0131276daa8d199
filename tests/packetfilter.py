"""A packet filter in memory."""

from __future__ import annotations

from edgeadm.hosts.iptables import chain_of, target_of


def applied(rules: str, changes: str) -> str:
    """What `iptables-restore --noflush` makes of the rules: it refuses what is not there."""
    lines = rules.splitlines()
    table = ""
    for change in changes.splitlines():
        head = change.partition(" ")[0]
        if change.startswith("*"):
            table = change
        start = lines.index(table)
        end = lines.index("COMMIT", start)
        if head == "-D":
            lines.pop(lines.index("-A" + change[len("-D") :], start, end))
        elif head == "-F":
            chain = change.split()[1]
            kept = [line for line in lines[start:end] if not line.startswith(f"-A {chain} ")]
            lines[start:end] = kept
        elif head == "-X":
            chain = change.split()[1]
            rules_left = [line for line in lines[start:end] if line.startswith("-A")]
            used = [line for line in rules_left if chain in (chain_of(line), target_of(line))]
            assert not used, f"{change}: {used}"
            lines.pop(lines.index(f":{chain} - [0:0]", start, end))
    return "\n".join(lines) + "\n"
