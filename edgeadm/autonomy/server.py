"""Checks that the node has its own API server at the expected addresses."""

from __future__ import annotations

from edgeadm import pki
from edgeadm.autonomy.node import EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, ok, warning
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.node.lite_files import AUTHORITY, LINK, PAIR, addresses, names
from edgeadm.node.service_ip import TABLE, TOOL

GROUP = "lite-apiserver"
SHORT = 7  # days: too few to restore the connection and renew the certificate
THIRD = 1 / 3
AWAY = 500
SIGN_ANEW = (
    "the node renews it once the cloud is reachable: `systemctl start edgeadm-certificate`, then `journalctl "
    "-u edgeadm-certificate`"
)


def _address(node: EdgeNode) -> Outcome:
    wanted = node.facts.virtual_address
    there = [each.partition("/")[0] for each in node.addresses.get(LINK, [])]
    if wanted in there:
        return ok(f"{wanted} is on {LINK}")
    return failed(f"{wanted} is not on {LINK}{f', but {there[0]}' if there else ''}")


def _rules(node: EdgeNode) -> Outcome:
    service, place = node.facts.service_ip, node.server.removeprefix("https://")
    family = "ip6" if ":" in service else "ip"
    tool = TOOL if node.host.stat(TOOL) is not None else "nft"
    answer = node.host.ask(tool, "list", "table", family, TABLE, timeout=30)
    if answer.code:
        return failed(f"there is no nftables table `{family} {TABLE}`")
    rules = [
        line for line in answer.out.splitlines() if f"daddr {service} " in line and f"to {place}" in line
    ]
    if len(rules) < 2:  # one for incoming packets, one for those of the node itself
        return failed(
            f"the table `{family} {TABLE}` redirects {service} to {place} in {len(rules)} of 2 chains"
        )
    return ok(f"{service} is redirected to {place}")


def _answers(node: EdgeNode) -> Outcome:
    ca = node.host.read(AUTHORITY) or node.facts.ca.encode()
    try:
        status = node.nearby.status(node.server, ca, "/healthz")
    except (UnreachableError, ApiError) as error:
        return failed(error.message)
    except (OSError, ValueError):
        return failed(f"{AUTHORITY} contains no certificate to verify it with")
    cloud = (
        "the cloud responds through it" if status < AWAY and status != 404 else "the cloud is not reachable"
    )
    return ok(f"it responds at {node.server}; {cloud}")


def _certificate(node: EdgeNode) -> Outcome:
    pair, ca = node.host.read(PAIR) or b"", node.host.read(AUTHORITY) or node.facts.ca.encode()
    where = addresses(node.facts.virtual_address, node.facts.service_ip)
    leaf = pki.Leaf("", tuple(names(node.facts.domain)), tuple(where))
    standing = pki.stands(pair, pair, ca, leaf)
    if standing.fault:
        return failed(f"{PAIR}: {standing.fault}")
    begin, end = pki.lifetime(pair) or (node.now, node.now)
    left = end - node.now
    if left.days < SHORT:
        return failed(f"{PAIR} is valid for {max(0, left.days)} days only")
    if left / (end - begin) < THIRD:
        return warning(f"{PAIR} is valid for {left.days} days: its renewal is overdue")
    return ok(f"valid for {left.days} days, signed by the cluster CA")


SERVER_CHECKS = (
    Check(
        "virtual-address",
        GROUP,
        "the virtual address is on the node's own link",
        _address,
        hint="add it with `systemctl restart edgeadm-nic`",
    ),
    Check(
        "service-rules",
        GROUP,
        "the Service `kubernetes` is redirected to this node's lite-apiserver",
        _rules,
        hint="restore the rules with `systemctl restart edgeadm-service-ip`; did another program flush "
        "nftables?",
    ),
    Check(
        "lite-answers",
        GROUP,
        "lite-apiserver responds, with a certificate that the cluster CA signed",
        _answers,
        hint="see `journalctl -u lite-apiserver`; restart it with `systemctl restart lite-apiserver`",
    ),
    Check(
        "lite-certificate",
        GROUP,
        "lite-apiserver's certificate is not about to expire",
        _certificate,
        hint=SIGN_ANEW,
    ),
)
