"""What `edgeadm check autonomy` finds on an edge node, fault by fault, and outages that are rehearsed with
`edgeadm drill offline`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgeadm.sandbox import Node, Sandbox
from tests.e2e.autonomy import DRILL_TABLE, NFT, Shop
from tests.e2e.planted import PLANTED, Planted
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shop(begin: Callable[..., Sandbox]) -> Shop:
    found = Shop(begin())
    found.open()
    return found


@pytest.fixture(scope="module")
def before(shop: Shop) -> dict[str, str]:
    """The Pods of edge1 and their addresses, before anything happens to them."""
    return shop.here()


def failed_checks(node: Node) -> dict[str, str]:
    """Codes of the checks that are not content, with what each found."""
    told = node.exec(["edgeadm", "check", "autonomy", "-o", "json"], check=False).out
    return {
        each["code"]: f"{each['result']}: {each['found']}"
        for each in json.loads(told)["checks"]
        if each["result"] in ("failed", "warning")
    }


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


def test_a_rehearsed_outage_leaves_the_node_as_it_was(shop: Shop, before: dict[str, str]) -> None:
    rules = shop.edge1.exec([NFT, "list", "tables"]).out
    words = ["edgeadm", "drill", "offline", "--node", "edge1", "--minutes", "1", "--restart", "-o", "json"]
    told = json.loads(shop.edge1.exec(words).out)
    assert (told["survived"], told["lifted"], told["restarted"]) == (True, True, True)
    assert {each["outcome"] for each in told["pods"]} == {"kept"}, told
    assert shop.edge1.exec([NFT, "list", "tables"]).out == rules
    assert shop.whole(before)


def test_a_rehearsal_that_is_killed_is_ended_by_the_node_itself(shop: Shop) -> None:
    """Its timer is waited for in the next test."""
    words = "nohup edgeadm drill offline --minutes 1 >/dev/null 2>&1 &"
    shop.edge2.exec(["bash", "-c", words])
    until(lambda: DRILL_TABLE in shop.edge2.exec([NFT, "list", "tables"]).out, "the drill has begun")
    shop.edge2.exec(["pkill", "-KILL", "-f", "drill offline --minutes"])
    assert DRILL_TABLE in shop.edge2.exec([NFT, "list", "tables"]).out


def test_the_killed_rehearsal_has_ended(shop: Shop) -> None:
    until(lambda: DRILL_TABLE not in shop.edge2.exec([NFT, "list", "tables"]).out, "its timer fired")
    until(lambda: shop.ready("edge2") == "True", "edge2 is Ready")


def test_nothing_was_forwarded_out_of_the_sandbox(shop: Shop) -> None:
    assert shop.sandbox.forwarded_packets() == 0
