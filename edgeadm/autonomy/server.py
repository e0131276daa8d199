"""Does the node have its own API server, where everybody on it looks for it?"""

from __future__ import annotations

from edgeadm import pki
from edgeadm.autonomy.check import Check, Found, failed, ok, warning
from edgeadm.autonomy.node import EdgeNode
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.phases.lite_files import AUTHORITY, LINK, PAIR, addresses, names
from edgeadm.phases.service_ip import TABLE, TOOL

GROUP = "lite-apiserver"
SHORT = 7  # days: less is no time to bring the cable back and have the certificate renewed
THIRD = 1 / 3
AWAY = 500
SIGN_ANEW = (
    "the node renews it by itself once the cloud is there: `systemctl start edge-certificate`, then "
    "`journalctl -u edge-certificate`"
)


def _address(node: EdgeNode) -> Found:
    wanted = node.facts.virtual_address
    there = [each.partition("/")[0] for each in node.addresses.get(LINK, [])]
    if wanted in there:
        return ok(f"{wanted} is on {LINK}")
    return failed(f"{wanted} is not on {LINK}{f', but {there[0]}' if there else ''}")


def _rules(node: EdgeNode) -> Found:
    service, place = node.facts.service_ip, node.server.removeprefix("https://")
    family = "ip6" if ":" in service else "ip"
    tool = TOOL if node.host.stat(TOOL) is not None else "nft"
    answer = node.host.ask(tool, "list", "table", family, TABLE, timeout=30)
    if answer.code:
        return failed(f"the packet filter has no table `{family} {TABLE}`")
    rules = [
        line for line in answer.out.splitlines() if f"daddr {service} " in line and f"to {place}" in line
    ]
    if len(rules) < 2:  # one for what comes in, one for what the node itself sends
        return failed(f"the table `{family} {TABLE}` leads {service} to {place} in {len(rules)} of 2 chains")
    return ok(f"{service} leads to {place}")


def _answers(node: EdgeNode) -> Found:
    ca = node.host.read(AUTHORITY) or node.facts.ca.encode()
    try:
        status = node.nearby.status(node.server, ca, "/healthz")
    except (UnreachableError, ApiError) as error:
        return failed(error.message)
    except (OSError, ValueError):
        return failed(f"{AUTHORITY} holds no certificate to check it by")
    cloud = "the cloud answers through it" if status < AWAY and status != 404 else "the cloud is away"
    return ok(f"it answers at {node.server}; {cloud}")


def _certificate(node: EdgeNode) -> Found:
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
        return warning(f"{PAIR} is valid for {left.days} days: it should have been renewed")
    return ok(f"valid for {left.days} days, signed by the cluster's CA")


SERVER_CHECKS = (
    Check(
        "virtual-address",
        GROUP,
        "the virtual address is on the node's own link",
        "`systemctl restart edge-nic` puts it there",
        _address,
    ),
    Check(
        "service-rules",
        GROUP,
        "the Service `kubernetes` leads to this node's lite-apiserver",
        "`systemctl restart edge-service-ip` makes the rules anew; did somebody empty the packet filter?",
        _rules,
    ),
    Check(
        "lite-answers",
        GROUP,
        "lite-apiserver answers, with a certificate that the cluster's CA signed",
        "`journalctl -u lite-apiserver` says why; `systemctl restart lite-apiserver` starts it anew",
        _answers,
    ),
    Check(
        "lite-certificate",
        GROUP,
        "lite-apiserver's certificate is good for a while to come",
        SIGN_ANEW,
        _certificate,
    ),
)
