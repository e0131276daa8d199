"""`edgeadm check autonomy` from its command line to its words and exit status, on a node in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.hosts import Result
from edgeadm.node.membership import FACTS
from tests.cli.world import Ended, edgeadm, logs
from tests.machine import Machine
from tests.steady_node import NAME, EdgeNode


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return EdgeNode(tmp_path)


def check(node: EdgeNode, *words: str, is_root: bool = True) -> Ended:
    return edgeadm(node.machine, "check", "autonomy", *words, is_root=is_root, nearby=node.nearby)


def test_a_healthy_node_gets_a_line_for_each_check_and_status_0(node: EdgeNode) -> None:
    before = dict(node.host.files)
    ended = check(node)
    assert ended.status == 0, ended.err
    lines = [line for line in ended.out.splitlines() if line.startswith("  ")]
    assert [line.split()[1] for line in lines] == [each.code for each in AUTONOMY_CHECKS]
    assert "  ok       virtual-address" in ended.out
    assert "hint:" not in ended.out
    assert ended.err == (
        f"{NAME} would recover without the cloud, according to {len(AUTONOMY_CHECKS)} checks: 0 warnings\n"
    )
    assert (node.host.files, node.host.ran, logs(node.machine)) == (before, [], "")


def test_groups_are_headings_in_one_piece(node: EdgeNode) -> None:
    headings = [line for line in check(node).out.splitlines() if not line.startswith(" ")]
    assert headings == list(dict.fromkeys(headings))
    assert headings == list(dict.fromkeys(each.group for each in AUTONOMY_CHECKS))


def test_a_failed_check_gives_status_2_and_says_what_to_do(node: EdgeNode) -> None:
    node.units["edgeadm-keep"]["UnitFileState"] = "disabled"
    node.told["pods"]["pods"][0]["images"][0]["policy"] = "Always"
    ended = check(node)
    assert ended.status == 2
    assert "  failed   unit-edgeadm-keep" in ended.out
    assert "hint: `systemctl enable --now edgeadm-keep`" in ended.out
    assert "  warning  images-always" in ended.out
    total = len(AUTONOMY_CHECKS)
    assert ended.err == f"{NAME} would not recover completely: 1 of {total} checks failed, 1 warning\n"


def test_warnings_alone_leave_the_status_at_0(node: EdgeNode) -> None:
    node.told["pods"]["pods"][0]["images"][0]["policy"] = "Always"
    ended = check(node)
    assert (ended.status, "1 warning\n" in ended.err) == (0, True)


def test_json_is_one_document_with_every_check(node: EdgeNode) -> None:
    node.links["tkeedgedns"] = []
    ended = check(node, "-o", "json")
    document = json.loads(ended.out)
    assert (ended.status, ended.err) == (2, "")
    assert (document["verb"], document["node"], document["ok"]) == ("check autonomy", NAME, False)
    assert [each["code"] for each in document["checks"]] == [each.code for each in AUTONOMY_CHECKS]
    found = {each["code"]: each for each in document["checks"]}
    assert found["virtual-address"] == {
        "code": "virtual-address",
        "group": "lite-apiserver",
        "statement": "the virtual address is on the node's own link",
        "result": "failed",
        "found": "169.254.20.11 is not on tkeedgedns",
        "hint": "add it with `systemctl restart edgeadm-nic`",
    }
    assert found["service-rules"]["hint"] == ""


def test_json_of_a_healthy_node_says_ok(node: EdgeNode) -> None:
    ended = check(node, "--output", "json")
    assert (ended.status, json.loads(ended.out)["ok"]) == (0, True)


def test_the_node_may_be_named(node: EdgeNode) -> None:
    assert check(node, NAME).status == 0


def test_another_node_is_looked_at_on_itself(node: EdgeNode) -> None:
    ended = check(node, "edge2", "-o", "json")
    assert ended.status == 3
    assert "error: `edge2` is another node: this one is `edge1` [not-this-node]" in ended.err
    assert "hint: run the same command on `edge2`, as root" in ended.err
    error = json.loads(ended.out)["error"]
    assert (error["code"], error["exitCode"]) == ("not-this-node", 3)


def test_a_machine_that_is_no_edge_node_is_told_so(tmp_path: Path) -> None:
    ended = edgeadm(Machine(tmp_path), "check", "autonomy")
    assert (ended.status, "[not-an-edge-node]" in ended.err) == (3, True)


def test_a_plain_worker_of_an_edge_cluster_is_none(node: EdgeNode) -> None:
    for path in [path for path in node.host.files if "/systemd/" in path or "/kubernetes/edge/" in path]:
        del node.host.files[path]
    assert FACTS in node.host.files
    assert check(node).status == 3


def test_only_root_can_look(node: EdgeNode) -> None:
    ended = check(node, is_root=False)
    assert (ended.status, "[not-root]" in ended.err) == (1, True)
    assert node.host.asked == []


@pytest.mark.parametrize(
    ("words", "code"), [(("a", "b"), "usage"), (("--no-such-flag",), "usage"), (("-o", "xml"), "usage")]
)
def test_a_wrong_command_line_is_a_usage_error(node: EdgeNode, words: tuple[str, ...], code: str) -> None:
    ended = check(node, *words)
    assert (ended.status, f"[{code}]" in ended.err) == (1, True)


def test_a_node_without_anything_that_answers_is_judged_all_the_same(node: EdgeNode) -> None:
    for command in [each for each in node.host.answers if each not in ("hostname", "date +%s")]:
        node.host.answers[command] = Result(code=127, err="not found")
    ended = check(node, "-o", "json")
    assert (ended.status, ended.err) == (2, "")
    assert json.loads(ended.out)["ok"] is False
