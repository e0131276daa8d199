"""Checks that the node recovers without an address on its network interface, and with flushed kernel
state."""

from __future__ import annotations

from edgeadm.autonomy.boot import GROUP
from edgeadm.autonomy.node import EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, ok, warning
from edgeadm.hosts.card import card_with, manager_of
from edgeadm.node import service_routes
from edgeadm.node.kernel_state import FILE, parse
from edgeadm.node.lite_files import LINK
from edgeadm.node.membership import kubelet_address
from edgeadm.node.units import KEEP, KEEP_FILE

AGAIN = "run `edgeadm join` again with the package for this edgeadm"


def _routes(node: EdgeNode) -> Outcome:
    lacking = []
    for network in service_routes.service_ranges(node.facts):
        shown = node.host.ask(*service_routes.shown_routes(network), timeout=30).out
        if service_routes.shown_route(network) not in shown:
            lacking.append(network)
    if lacking:
        return failed(
            f"no route for {', '.join(lacking)}: without a default route, programs on the node cannot reach "
            "Services"
        )
    if not node.facts.service_ranges:
        return warning(f"only {node.facts.service_ip} has a route: the Service networks are not known", AGAIN)
    return ok(f"{', '.join(node.facts.service_ranges)} through the node's own link")


def _kept(node: EdgeNode) -> Outcome:
    states = parse(node.host.read(FILE))
    unit = (node.host.read(KEEP_FILE) or b"").decode()
    if not states or f"--kernel={FILE}" not in unit:
        return warning(f"{KEEP} has no list of it: a reload of nftables would remove rules permanently")
    return ok(f"{KEEP} restores within seconds: {', '.join(each.what for each in states)}")


def _card(node: EdgeNode) -> Outcome:
    address = kubelet_address(node.host)
    name = card_with(node.host, address)
    if name == LINK:
        return ok(f"no network interface has {address} now: {KEEP} holds it")
    if not name:
        return warning("no network interface has an address now")
    card = manager_of(node.host, name)
    if card.keeps:
        return ok(f"{card}, and keeps it without a carrier")
    without = "without a carrier" if card.method == "static" else "without a carrier or a response"
    if not address:
        return warning(
            f"{card}; {without} it has none, and the kubelet is not configured with this node's address"
        )
    if "--hold=" not in (node.host.read(KEEP_FILE) or b"").decode():
        return warning(f"{card}; {without} it has none, and {address} is then missing from the node")
    return ok(f"{card}; {without} it has none, and {KEEP} then holds {address}")


NETWORK_CHECKS = (
    Check(
        "service-routes",
        GROUP,
        "programs on the node reach Services even if its network interface has no address and no route",
        _routes,
        hint="add the routes with `systemctl reload edgeadm-nic`",
    ),
    Check(
        "kernel-kept",
        GROUP,
        "kernel state that other programs may flush is restored",
        _kept,
        hint=AGAIN,
    ),
    Check(
        "card-address",
        GROUP,
        "no unit at boot depends on an address of the network interface",
        _card,
        hint=AGAIN,
    ),
)
