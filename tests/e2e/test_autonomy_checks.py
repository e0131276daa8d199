"""Findings of `edgeadm check autonomy` on an edge node, fault by fault, and outages with `edgeadm drill
offline`."""

from __future__ import annotations

import json
import re

import pytest

from edgeadm.sandbox import Node
from tests.e2e.autonomy import DRILL_TABLE, NFT, Shop
from tests.e2e.planted import PLANTED, Planted
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
# Changes that an administrator may make without regard to edgeadm.
FLUSHES = (
    "systemctl enable --now nftables",
    "systemctl reload nftables",
    "nft flush ruleset",
    "nft flush table ip edgeadm",
    "ip link del tkeedgedns",
    "ip route flush table default",
    "sysctl -w net.ipv4.ip_forward=0",
)
KERNEL = "/etc/kubernetes/edge/kernel.json"
# A response for each program's second start; for kubelet also one that join prefetches.
AT_A_START = (
    *("kubelet_.*_csinodes_", "kubelet_.*_pods_"),
    *("kube-proxy_.*_services_", "flanneld_.*_nodes_", "coredns_.*_services_"),
)


def failed_checks(node: Node) -> dict[str, str]:
    """Codes of the checks that do not pass, with their findings."""
    told = node.exec(["edgeadm", "check", "autonomy", "-o", "json"], check=False).out
    return {
        each["code"]: f"{each['result']}: {each['found']}"
        for each in json.loads(told)["checks"]
        if each["result"] in ("failed", "warning")
    }


def tables(node: Node) -> set[str]:
    """The nftables tables of the node, as `family name`."""
    return {line.removeprefix("table ") for line in node.exec([NFT, "list", "tables"]).out.splitlines()}


def card(node: Node) -> tuple[str, str]:
    """The addresses of the node's interface, and its routes."""
    return tuple(  # type: ignore[return-value]
        node.exec(["ip", "-o", *words, "dev", "eth0"]).out
        for words in (("addr", "show", "scope", "global"), ("route", "show"))
    )


def test_a_node_that_would_come_back_is_told_so(shop: Shop) -> None:
    for node in (shop.edge1, shop.edge2):
        until(lambda node=node: not failed_checks(node), f"{node.name} has nothing to complain of")


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: f"{fault.code}-{PLANTED.index(fault)}")
def test_a_fault_is_found(fault: Planted, shop: Shop) -> None:
    shop.edge2.exec(["bash", "-c", fault.plant])
    try:
        until(
            lambda: failed_checks(shop.edge2).get(fault.code, "").startswith(fault.result),
            f"{fault.what}: it is found",
            60,
        )
    finally:
        shop.edge2.exec(["bash", "-c", fault.take_back])


def test_with_all_faults_taken_back_nothing_is_found(shop: Shop) -> None:
    until(lambda: not failed_checks(shop.edge2), "nothing is found any more")


@pytest.mark.parametrize("flush", FLUSHES)
def test_state_of_the_kernel_that_others_flush_is_restored(flush: str, shop: Shop) -> None:
    states = json.loads(shop.edge2.read(KERNEL))["states"]
    shop.edge2.exec(["bash", "-c", flush])

    def there() -> bool:
        shown = [(each, shop.edge2.exec(each["show"], check=False).out) for each in states]
        return all(out.count(each["has"]) >= each["times"] for each, out in shown)

    until(there, f"all of it is there again after `{flush}`", 60)
    until(lambda: not failed_checks(shop.edge2), "nothing is found any more")


def test_a_host_port_answers_again_after_the_packet_filter_was_flushed(shop: Shop) -> None:
    shop.edge1.exec(["nft", "flush", "ruleset"])
    assert "HOSTPORT" not in shop.edge1.exec(["iptables", "-t", "nat", "-S"]).out
    until(shop.host_port, "the Pod with a port of the node answers there")


def test_a_second_start_asks_for_nothing_that_join_did_not_prefetch(shop: Shop) -> None:
    """Additional requests of a later Kubernetes fail this test: edgeadm/node/answers.py contains the
    list."""
    before = shop.entries(shop.edge2)
    shop.edge2.exec(["systemctl", "restart", "kubelet"])
    shop.edge2.exec(["pkill", "-x", "flanneld|kube-proxy|coredns"])

    def asked() -> bool:
        young = [key for key, age in shop.entries(shop.edge2).items() if age < before.get(key, age + 1)]
        return all(any(re.match(each, key) for key in young) for each in AT_A_START)

    until(asked, "all of them have asked again")
    until(lambda: not failed_checks(shop.edge2), "edge2 has nothing to complain of")
    assert shop.entries(shop.edge2).keys() - before.keys() == set()


def test_a_rehearsal_that_is_killed_is_ended_by_the_node_itself(shop: Shop) -> None:
    """A later test waits for it; other tests run meanwhile."""
    words = "nohup edgeadm drill offline --minutes 1 --no-address >/dev/null 2>&1 &"
    shop.edge2.exec(["bash", "-c", words])
    until(lambda: card(shop.edge2) == ("", ""), "the drill has begun")
    shop.edge2.exec(["pkill", "-KILL", "-f", "drill offline --minutes"])
    assert DRILL_TABLE in tables(shop.edge2)


def test_a_rehearsed_outage_leaves_the_node_as_it_was(shop: Shop, before: dict[str, str]) -> None:
    rules, network = tables(shop.edge1), card(shop.edge1)
    words = ["edgeadm", "drill", "offline", "--node", "edge1", "--minutes", "1", "--restart", "--no-address"]
    # lite-apiserver may not respond for half a minute or longer, because its connection to the cloud was
    # open. The drill then reports it, with status 2.
    done = shop.edge1.exec([*words, "-o", "json"], check=False)
    told = json.loads(done.out)
    assert (done.code, told["lifted"], told["restarted"]) == (0 if told["survived"] else 2, True, True)
    silent = [each["what"] for each in told["questions"] if not each["answered"]]
    assert silent == [], told
    assert {each["outcome"] for each in told["pods"]} == {"kept"}, told
    # kubelet and kube-proxy may have created more meanwhile: an earlier test flushed all of them.
    assert rules <= tables(shop.edge1)
    assert [each for each in tables(shop.edge1) - rules if "edgeadm" in each] == []
    assert card(shop.edge1) == network
    assert shop.whole(before)


def test_the_killed_rehearsal_has_ended(shop: Shop) -> None:
    until(lambda: DRILL_TABLE not in tables(shop.edge2), "its timer fired")
    assert shop.edge2.ip in card(shop.edge2)[0]
    assert "default" in card(shop.edge2)[1]
    until(lambda: shop.ready("edge2") == "True", "edge2 is Ready")


def test_nothing_was_forwarded_out_of_the_sandbox(shop: Shop) -> None:
    assert shop.sandbox.forwarded_packets() == 0
