"""Address configuration of a network interface, as reported by the program that manages it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgeadm.hosts import facts
from edgeadm.hosts.base import Host

NETWORKD, MANAGER, IFUPDOWN = "systemd-networkd", "NetworkManager", "ifupdown"
INTERFACES = "/etc/network/interfaces"
CLIENTS = ("dhclient", "dhcpcd", "udhcpc")
PATIENCE = 10.0


@dataclass(frozen=True)
class Card:
    """`method` is dhcp, static or unknown; `by` is the program, or empty. `keeps` tells whether the interface
    keeps its address without a carrier."""

    name: str
    method: str
    by: str = ""
    keeps: bool = False

    def __str__(self) -> str:
        words = {"dhcp": "by DHCP", "static": "from a file"}.get(self.method, "in an unknown way")
        return f"{self.name} gets its address {words}{f' ({self.by})' if self.by else ''}"


def card_with(host: Host, address: str) -> str:
    """The link that has the address, else that of the default route, or an empty string."""
    for link, found in facts.addresses(host).items():
        if address in [each.partition("/")[0] for each in found]:
            return link
    return facts.default_interface(host)


def manager_of(host: Host, card: str) -> Card:
    """How the interface gets its address. A running network manager takes precedence over files and
    processes."""
    for ask in (_networkd, _network_manager, _ifupdown, _client):
        found = ask(host, card)
        if found is not None:
            return found
    return Card(card, "unknown")


def _networkd(host: Host, card: str) -> Card | None:
    answer = host.ask("networkctl", "--no-pager", "status", card, timeout=PATIENCE)
    said = dict(re.findall(r"^\W*(Network File|State): *(.+)$", answer.out, re.MULTILINE))
    path = said.get("Network File", "").strip()
    if answer.code or not path.startswith("/") or "unmanaged" in said.get("State", ""):
        return None
    text = (host.read(path) or b"").decode(errors="replace")
    dhcp = _setting(text, "DHCP").lower() in ("yes", "true", "ipv4", "ipv6", "both", "1", "on")
    keeps = _setting(text, "ConfigureWithoutCarrier").lower() in ("yes", "true", "1", "on")
    return Card(card, "dhcp" if dhcp else "static", NETWORKD, keeps and not dhcp)


def _setting(text: str, name: str) -> str:
    found = re.search(rf"^\s*{name}\s*=\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _network_manager(host: Host, card: str) -> Card | None:
    answer = host.ask(
        "nmcli", "-g", "GENERAL.STATE,GENERAL.CONNECTION", "device", "show", card, timeout=PATIENCE
    )
    state, _, connection = answer.out.strip().partition("\n")
    if answer.code or not connection or "unmanaged" in state:
        return None
    told = host.ask("nmcli", "-g", "ipv4.method", "connection", "show", connection.strip(), timeout=PATIENCE)
    methods = {"auto": "dhcp", "manual": "static"}
    return Card(card, methods.get(told.out.strip(), "unknown"), MANAGER)


def _ifupdown(host: Host, card: str) -> Card | None:
    files = [INTERFACES, *(f"{INTERFACES}.d/{name}" for name in host.names(f"{INTERFACES}.d"))]
    text = "\n".join((host.read(path) or b"").decode(errors="replace") for path in files)
    found = re.search(rf"^\s*iface\s+{re.escape(card)}\s+inet6?\s+(\S+)", text, re.MULTILINE)
    if found is None:
        return None
    method = found[1] if found[1] in ("dhcp", "static") else "unknown"
    # It ignores the carrier: the address in a file is configured at boot.
    return Card(card, method, IFUPDOWN, method == "static")


def _client(host: Host, card: str) -> Card | None:
    for words in facts.processes(host).values():
        program = words[0].rpartition("/")[2].rstrip(":") if words else ""
        if program in CLIENTS and (card in words or len(words) == 1):
            return Card(card, "dhcp", program)
    return None
