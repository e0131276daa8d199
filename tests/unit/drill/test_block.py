"""The nftables table and the timer of a drill, and the state that it watches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.config.address import HostPort
from edgeadm.drill.block import MARGIN, Block
from edgeadm.drill.errors import DrillRunningError
from edgeadm.drill.node import places
from edgeadm.drill.watch import Watch
from edgeadm.hosts import Result
from edgeadm.node.offline_files import DRILL
from edgeadm.phases.reset.rules import RemoveRules
from edgeadm.workflows import INVENTORY
from tests.edge_node import CLOCK, KNOWN, NFT, EdgeNode, edge_node, stamp


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return edge_node(tmp_path)


def test_the_table_contains_the_end_of_the_drill(node: EdgeNode) -> None:
    block = Block(node.host, NFT)
    assert block.until() is None
    node.table = block.rules((HostPort("10.0.0.11", 6443),), CLOCK + 90, refuse=False)
    assert block.until() == stamp(90)
    node.table = "table inet edgeadm-drill { }"  # flushed
    assert block.until() == ""
    with pytest.raises(DrillRunningError) as caught:
        block.refuse_another()
    assert caught.value.hint == "end it now with `edgeadm drill lift`"


def test_the_rules_match_each_address_in_its_family_and_nothing_else() -> None:
    rules = Block(None, NFT).rules(  # type: ignore[arg-type]
        (HostPort("10.0.0.11", 6443), HostPort("fd00::11", 6444)), CLOCK, refuse=False
    )
    lines = [line.split(" comment")[0].strip() for line in rules.splitlines() if "addr" in line]
    assert sorted(set(lines)) == [
        'iifname != "lo" ip saddr 10.0.0.11 tcp sport 6443 drop',
        'iifname != "lo" ip6 saddr fd00::11 tcp sport 6444 drop',
        "ip daddr 10.0.0.11 tcp dport 6443 drop",
        "ip saddr 10.0.0.11 tcp sport 6443 drop",
        "ip6 daddr fd00::11 tcp dport 6444 drop",
        "ip6 saddr fd00::11 tcp sport 6444 drop",
    ]
    assert "ct state" not in rules  # packets of open connections are blocked, too


def test_the_timer_outlasts_the_drill(node: EdgeNode) -> None:
    block = Block(node.host, NFT)
    with block.blocking((HostPort("10.0.0.11", 6443),), 600, refuse=False):
        assert f"--on-active={600 + MARGIN}s" in node.timer
        assert "--collect" in node.timer  # a failed unit of this name would block the next drill


@pytest.mark.parametrize(
    ("server", "address", "resolved", "found"),
    [
        ("https://10.0.0.11:6443", "", "", ["10.0.0.11:6443"]),
        ("https://10.0.0.11", "", "", ["10.0.0.11:443"]),
        ("https://[fd00::11]:6444", "", "", ["[fd00::11]:6444"]),
        ("https://api:6443", "10.0.0.9", "", ["10.0.0.9:6443"]),
        ("https://api:6443", "", "10.0.0.9 STREAM api\nfe80::1%eth0 STREAM\n", ["10.0.0.9:6443"]),
    ],
)
def test_every_address_of_the_api_server_is_blocked(
    server: str, address: str, resolved: str, found: list[str], node: EdgeNode
) -> None:
    node.host.answers["getent ahosts api"] = Result(out=resolved)
    known = replace(KNOWN, server=server, address=address)
    assert [str(each) for each in places(node.host, known)] == found


def test_the_pod_of_a_container_is_read_once(node: EdgeNode) -> None:
    watch = Watch(node.host, None, node.probes())  # type: ignore[arg-type]
    first = watch.pods()
    assert watch.pods() is first
    assert sum("containers info" in line for line in node.host.asked) == 3
    node.pods["default/new"] = {"POD": "s5"}
    assert set(watch.pods() or {}) == {"default/web", "kube-system/proxy", "default/new"}
    assert sum("containers info" in line for line in node.host.asked) == 4


def test_without_edgeadm_node_only_running_containers_are_known(node: EdgeNode) -> None:
    node.host.answers["/usr/bin/edgeadm-node"] = Result(code=127)
    for verb in ("pods", "addresses"):
        del node.host.answers[f"/usr/bin/edgeadm-node {verb}"]
    watch = Watch(node.host, None, node.probes())  # type: ignore[arg-type]
    assert watch.wanted() == {}
    assert [pod.addresses for pod in (watch.pods() or {}).values()] == [(), ()]


def test_reset_removes_the_table_that_a_killed_drill_left(node: EdgeNode) -> None:
    assert DRILL in INVENTORY.tables
    host = node.host
    ctx = node.machine.context()
    ctx.journal.verb, ctx.journal.phase = "join", "kubeadm"
    ctx.journal.add("started")
    host.answers["nft list chains"] = Result(
        out="table inet edgeadm-drill {\n\tchain output {\n\t}\n}\ntable inet filter {\n}\n"
    )
    host.answers["nft delete"] = Result()
    assert RemoveRules().check(ctx).needed
    RemoveRules().apply(ctx)
    assert "nft delete table inet edgeadm-drill" in host.ran
    assert not any("inet filter" in line for line in host.ran)
