"""`edgeadm drill` from its command line to its output and exit status, on an edge node in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from tests.cli.drills import drill, killed, offline
from tests.cli.world import logs
from tests.edge_node import KNOWN, NFT, EdgeNode, edge_node


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return edge_node(tmp_path)


def test_everything_survives_and_it_is_said_word_for_word(node: EdgeNode) -> None:
    ended = offline(node)
    assert ended.status == 0, ended.err
    assert ended.out == (
        "POD                 OUTCOME   ADDRESS\n"
        "default/web         kept      10.244.1.5\n"
        "kube-system/proxy   kept      -\n"
        "\n"
        "ASKED                ANSWERED   LONGEST SILENCE\n"
        "service kubernetes   24 of 24   0 s\n"
        "lite-apiserver       24 of 24   0 s\n"
        "edge DNS             24 of 24   0 s\n"
        "\n"
        "would have survived: 2 of 2 Pods\n"
    )
    assert "the API server is blocked at 10.0.0.11:6443" in ended.err
    assert "1.0 of 2 min: 2 Pods run, all services respond" in ended.err


def test_the_timer_is_there_before_the_block_and_goes_after_it(node: EdgeNode) -> None:
    seen: list[str] = []
    node.at[60] = lambda node: seen.extend([node.table, *node.timer])
    assert offline(node).status == 0
    assert node.events == ["timer", "block", "lift", "stop timer"]
    table, timer = seen[0], seen[1:]
    assert table.count("ip daddr 10.0.0.11 tcp dport 6443 drop") == 2
    assert [line for line in table.splitlines() if "addr" in line and "10.0.0.11" not in line] == []
    assert {"--unit=edgeadm-drill-lift", "--on-active=240s"} <= set(timer)
    assert timer[-5:] == [NFT, "delete", "table", "inet", "edgeadm-drill"]
    assert (node.table, node.timer) == ("", ())


def test_json_has_it_all(node: EdgeNode) -> None:
    node.wanted = [
        {"namespace": "default", "name": "web", "phase": "Running", "deleting": False},
        {"namespace": "default", "name": "new", "phase": "Pending", "deleting": False},
        {"namespace": "default", "name": "job", "phase": "Succeeded", "deleting": False},
        {"namespace": "default", "name": "gone", "phase": "Running", "deleting": True},
    ]
    node.at[31] = lambda node: node.silent.add("dns")
    node.at[42] = lambda node: node.silent.discard("dns")
    shown = json.loads(offline(node, "-o", "json").out)
    assert shown == {
        "verb": "drill offline",
        "node": "cp1",
        "minutes": 2,
        "blocked": ["10.0.0.11:6443"],
        "restarted": False,
        "pods": [
            {
                "namespace": "default",
                "name": "web",
                "outcome": "kept",
                "result": "ok",
                "restarts": 0,
                "addressesBefore": ["10.244.1.5"],
                "addressesAfter": ["10.244.1.5"],
            },
            {
                "namespace": "kube-system",
                "name": "proxy",
                "outcome": "kept",
                "result": "ok",
                "restarts": 0,
                "addressesBefore": [],
                "addressesAfter": [],
            },
            {
                "namespace": "default",
                "name": "new",
                "outcome": "was not running",
                "result": "not applicable",
                "restarts": 0,
                "addressesBefore": [],
                "addressesAfter": [],
            },
        ],
        "questions": [
            {
                "what": "service kubernetes",
                "asked": 24,
                "answered": 24,
                "longestSilenceSeconds": 0.0,
                "result": "ok",
            },
            {
                "what": "lite-apiserver",
                "asked": 24,
                "answered": 24,
                "longestSilenceSeconds": 0.0,
                "result": "ok",
            },
            {"what": "edge DNS", "asked": 24, "answered": 22, "longestSilenceSeconds": 15.0, "result": "ok"},
        ],
        "survived": True,
        "lifted": True,
    }


def lose(node: EdgeNode) -> None:
    del node.pods["default/web"]


def move(node: EdgeNode) -> None:
    node.pods["default/web"] = {"POD": "s2", "web": "c9"}
    node.addresses["default/web"] = "10.244.1.9"


def renew(node: EdgeNode) -> None:
    node.pods["default/web"] = {"POD": "s1", "web": "c9"}


@pytest.mark.parametrize(
    ("happening", "status", "said"),
    [
        (lose, 2, "would have survived: 1 of 2 Pods, 1 lost"),
        (move, 2, "default/web         address changed (2 new containers)   10.244.1.5 -> 10.244.1.9"),
        (renew, 0, "default/web         restarted (1 new container)   10.244.1.5"),
        (lambda node: node.silent.add("lite"), 2, "lite-apiserver did not respond for too long"),
        (lambda node: setattr(node, "runtime", False), 2, "would have survived: 0 of 2 Pods, 2 lost"),
    ],
)
@pytest.mark.parametrize("moment", [40.0, 130.0])
def test_what_did_not_survive(
    happening: object, status: int, said: str, moment: float, node: EdgeNode
) -> None:
    """In the middle, and when the cloud is back."""
    node.at[moment] = happening  # type: ignore[assignment]
    ended = offline(node)
    if "not respond" in said and moment > 120:
        assert ended.status == 0  # nobody asks any more
    else:
        assert (ended.status, said in ended.out) == (status, True), ended.out
    assert node.table == ""


def test_a_restart_in_the_middle_as_a_boot_would(node: EdgeNode) -> None:
    ended = offline(node, "--restart", "-o", "json")
    assert (ended.status, json.loads(ended.out)["restarted"]) == (0, True)
    restarts = [line for line in node.host.ran if line.startswith("systemctl restart")]
    assert restarts == [f"systemctl restart {unit}" for unit in ("lite-apiserver", "containerd", "kubelet")]
    assert "restarting kubelet" in ended.err


def test_packets_are_refused_where_that_is_wanted(node: EdgeNode) -> None:
    tables: list[str] = []
    node.at[1] = lambda node: tables.append(node.table)
    assert offline(node, "--refuse").status == 0
    assert tables[0].count("ip daddr 10.0.0.11 tcp dport 6443 reject with tcp reset") == 2


def test_all_addresses_of_a_name_are_blocked(tmp_path: Path) -> None:
    node = edge_node(tmp_path, replace(KNOWN, server="https://api.example:6443", address="10.0.0.11"))
    lines = ("10.0.0.11 STREAM api.example", "10.0.0.12 STREAM", "10.0.0.12 DGRAM", "fd00::11 STREAM")
    node.host.answers["getent ahosts api.example"] = Result(out="\n".join(lines))
    shown = json.loads(offline(node, "-o", "json").out)
    assert shown["blocked"] == ["10.0.0.11:6443", "10.0.0.12:6443", "[fd00::11]:6443"]


def test_a_name_that_nobody_knows_is_said(tmp_path: Path) -> None:
    node = edge_node(tmp_path, replace(KNOWN, server="https://api.example:6443"))
    ended = offline(node)
    assert (ended.status, "[address-unknown]" in ended.err, node.events) == (5, True, [])


def test_where_pods_ask_the_clusters_dns_it_is_not_asked_here(tmp_path: Path) -> None:
    node = edge_node(tmp_path, replace(KNOWN, edge_dns=False))
    node.silent.add("dns")
    ended = offline(node)
    assert (ended.status, "edge DNS" in ended.out) == (0, False)


def test_dry_runs_change_nothing(node: EdgeNode) -> None:
    files = dict(node.host.files)
    ended = offline(node, "--dry-run", "--restart")
    assert ended.status == 0
    assert ended.out == (
        "  would let systemd remove the block after 240 s if edgeadm is killed\n  would drop TCP to "
        "10.0.0.11:6443 for 2 min (table `inet edgeadm-drill`)\n  would restart lite-apiserver after 1 "
        "min\n  would restart containerd after 1 min\n  would restart kubelet after 1 min\n"
    )
    shown = json.loads(offline(node, "--dry-run", "-o", "json").out)
    assert (shown["dryRun"], shown["blocked"], len(shown["changes"])) == (True, ["10.0.0.11:6443"], 2)
    assert "would delete the table" in drill(killed(node), "lift", "--dry-run").out
    assert json.loads(drill(node, "lift", "--dry-run", "-o", "json").out)["changes"]
    assert (node.host.files, node.host.ran, node.events, logs(node.machine)) == (files, [], [], "")


def test_it_leaves_no_file_and_no_journal(node: EdgeNode) -> None:
    files = dict(node.host.files)
    assert offline(node).status == 0
    assert node.host.files == files
    assert PATH not in node.host.files
    assert "systemd-run" in logs(node.machine)
    assert "tasks ls" not in logs(node.machine)  # asked hundreds of times


BAD: list[tuple[str, tuple[str, ...], str, int]] = [
    ("no time at all", ("--minutes", "0"), "invalid-config", 3),
    ("more than a day", ("--minutes", "1441"), "invalid-config", 3),
    ("less than nothing", ("--minutes", "-1"), "invalid-config", 3),
    ("no number", ("--minutes", "soon"), "usage", 1),
    ("not how long", (), "usage", 1),
    ("another node", ("--minutes", "5", "--node", "edge7"), "not-this-node", 3),
    ("a word too many", ("--minutes", "5", "edge7"), "usage", 1),
]


@pytest.mark.parametrize(("name", "args", "code", "status"), BAD, ids=[case[0] for case in BAD])
def test_bad_input(name: str, args: tuple[str, ...], code: str, status: int, node: EdgeNode) -> None:
    ended = drill(node, "offline", *args)
    assert (ended.status, f"[{code}]" in ended.err, "hint: " in ended.err) == (status, True, True), ended.err
    assert (node.events, node.host.ran) == ([], [])


def test_the_name_of_this_node_is_taken(node: EdgeNode) -> None:
    assert offline(node, "--node", "cp1").status == 0
    assert "run the same command on `edge7`" in offline(node, "--node", "edge7").err


@pytest.mark.parametrize("lost", ["/etc/edgeadm/cluster.json", "/etc/kubernetes/edge/local.conf"])
def test_a_machine_that_is_no_edge_node_is_told_so(lost: str, node: EdgeNode) -> None:
    del node.host.files[lost]
    ended = offline(node)
    assert (ended.status, "[not-an-edge-node]" in ended.err, node.events) == (3, True, [])


@pytest.mark.parametrize("words", [("offline", "--minutes", "2"), ("lift",)])
def test_who_is_not_root_is_told_so(words: tuple[str, ...], node: EdgeNode) -> None:
    ended = drill(node, *words, is_root=False)
    assert (ended.status, "[not-root]" in ended.err, node.events) == (1, True, [])
