"""Removes the addresses and routes of the network interface for a drill, as a dead switch or DHCP server
does, and ensures their restoration: a script in memory restores them, run by the drill or by its timer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from edgeadm.drill.errors import CutsOperatorError
from edgeadm.errors import PhaseError
from edgeadm.hosts import Host, facts
from edgeadm.hosts.card import card_with
from edgeadm.node.lite_files import LINK
from edgeadm.node.membership import kubelet_address

SCRIPT = "/run/edgeadm-drill-address"
LIFETIME = re.compile(r"(valid_lft|preferred_lft) (\d+)sec")
# Attributes of a route that `ip route replace` does not accept.
SHOWN_ONLY = re.compile(r"\b(linkdown|dead|offload|expires \S+|cache)\b")


def own_card(host: Host) -> str:
    """The interface with this node's address. Raises PhaseError if there is none."""
    card = card_with(host, kubelet_address(host))
    if card in ("", LINK):
        raise PhaseError(
            "no network interface of this host has an address to remove",
            hint="omit `--no-address`, or start the drill while the node is online",
        )
    return card


def refuse_to_cut(host: Host, card: str, ssh_connection: str) -> None:
    """Raises CutsOperatorError if an SSH connection uses the interface. `ssh_connection` is the variable of
    that name."""
    addresses = {each.partition("/")[0] for each in facts.addresses(host).get(card, [])}
    used = set(ssh_connection.split()[2:3])
    told = host.ask("ss", "-Htn", "state", "established", "sport", "=", ":22").out
    for line in told.splitlines():
        words = line.split()
        if len(words) > 3:
            used.add(words[-2].rpartition(":")[0].strip("[]").removeprefix("::ffff:"))
    if found := sorted(used & addresses):
        raise CutsOperatorError(
            f"an SSH connection to {found[0]} uses `{card}`, whose address the drill would remove",
            hint="run it on the console, or with `--force`: the connection hangs until the end of the drill",
        )


def take(host: Host, card: str) -> None:
    """Remove the interface's addresses and routes, after writing the script that restores them."""
    host.write(SCRIPT, restoring(host, card), 0o600)
    host.run("ip", "addr", "flush", "dev", card, "scope", "global")


def give_back(host: Host) -> bool:
    """Restore them; returns False if there is nothing to restore."""
    if host.stat(SCRIPT) is None:
        return False
    host.run("sh", SCRIPT)
    return True


def restoring(host: Host, card: str) -> bytes:
    """The script that restores the interface's current configuration and deletes itself."""
    return "".join(
        f"{line}\n" for line in (*_addresses(host, card), *_routes(host, card), f"rm -f {SCRIPT}")
    ).encode()


def _addresses(host: Host, card: str) -> Iterator[str]:
    for line in host.ask("ip", "-o", "addr", "show", "dev", card, "scope", "global").out.splitlines():
        words = line.split()
        if len(words) < 4 or words[2] not in ("inet", "inet6"):
            continue
        kept = words[3 : words.index("scope")] if "scope" in words else words[3:4]
        kept += ["noprefixroute"] if "noprefixroute" in words else []
        lifetimes = [word for name, seconds in LIFETIME.findall(line) for word in (name, seconds)]
        yield shlex.join(["ip", "addr", "replace", *kept, "dev", card, *lifetimes])


def _routes(host: Host, card: str) -> Iterator[str]:
    for family in ("-4", "-6"):
        lines = host.ask("ip", family, "-o", "route", "show", "dev", card).out.splitlines()
        routes = [SHOWN_ONLY.sub("", line).split() for line in lines if line.strip()]
        # A gateway can only be used once there is a route to it.
        for words in sorted(routes, key=lambda words: "via" in words):
            if not words[0].startswith(("fe80:", "ff00:", "multicast")):
                yield shlex.join(["ip", family, "route", "replace", *words, "dev", card])
