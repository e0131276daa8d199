"""The end of `edgeadm drill`: failures, signals, the timer, and `edgeadm drill lift`."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from edgeadm.core.lock import lock
from edgeadm.hosts import Result
from tests.cli.drills import drill, killed, offline
from tests.edge_node import NFT, EdgeNode, edge_node, stamp


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return edge_node(tmp_path)


def interrupt(_node: EdgeNode) -> None:
    raise KeyboardInterrupt


def crash(_node: EdgeNode) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("happening", "status"),
    [
        (interrupt, 130),
        (lambda _node: os.kill(os.getpid(), signal.SIGTERM), 143),
        (lambda _node: os.kill(os.getpid(), signal.SIGHUP), 129),
        (crash, 1),
        (lambda node: setattr(node, "leaks", True), 4),
    ],
)
def test_it_is_lifted_on_every_way_out(happening: object, status: int, node: EdgeNode) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    node.at[50] = happening  # type: ignore[assignment]
    ended = offline(node)
    assert (ended.status, "the block is removed" in ended.err) == (status, True)
    assert node.events == ["timer", "block", "lift", "stop timer"]
    assert (node.table, node.timer) == ("", ())
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_signal_waits_while_it_is_blocked_and_lifted(node: EdgeNode) -> None:
    masks: list[set[int]] = []
    real = {name: node.host.answers[f"{NFT} {name}"] for name in ("-f", "delete table")}
    for name, answer in real.items():

        def noting(*args: object, answer: object = answer) -> Result:
            masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
            return answer(*args)  # type: ignore[operator, no-any-return]

        node.host.answers[f"{NFT} {name}"] = noting
    assert offline(node).status == 0
    assert [mask >= {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} for mask in masks] == [True, True]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_restart_that_fails_ends_the_drill_and_lifts(node: EdgeNode) -> None:
    node.host.answers["systemctl restart containerd"] = Result(code=1, err="Job failed")
    ended = offline(node, "--restart")
    assert (ended.status, "Job failed" in ended.err, "log: " in ended.err) == (4, True, True)
    assert (node.table, node.timer) == ("", ())


def test_without_the_timer_nothing_is_blocked(node: EdgeNode) -> None:
    node.host.answers["systemd-run"] = Result(code=1, err="Failed to start transient timer unit")
    ended = offline(node)
    assert (ended.status, "[drill-not-blocked]" in ended.err, "transient" in ended.err) == (4, True, True)
    assert (node.events, node.table) == ([], "")


def test_a_timer_of_a_drill_that_was_killed_does_not_meet_this_one(node: EdgeNode) -> None:
    node.timer = ("old",)
    assert offline(node).status == 0
    assert node.events == ["stop timer", "timer", "block", "lift", "stop timer"]


def test_rules_that_nft_refuses_leave_nothing(node: EdgeNode) -> None:
    node.host.answers[f"{NFT} -f"] = Result(code=1, err="Operation not supported")
    ended = offline(node)
    assert (ended.status, "Operation not supported" in ended.err) == (4, True)
    assert (node.table, node.timer) == ("", ())


def test_an_api_server_that_still_answers_makes_it_no_drill(node: EdgeNode) -> None:
    node.leaks = True
    ended = offline(node)
    assert (ended.status, "still responds at 10.0.0.11:6443" in ended.err) == (4, True)
    assert (node.table, node.timer, node.now) == ("", (), 0)


def test_a_block_that_somebody_lifts_ends_the_drill(node: EdgeNode) -> None:
    node.at[50] = EdgeNode.fire
    ended = offline(node)
    assert (ended.status, "the block was removed before" in ended.err) == (4, True)


def test_a_node_that_is_cut_off_already_is_left_alone(node: EdgeNode) -> None:
    node.online = False
    ended = offline(node)
    assert (ended.status, "[unreachable]" in ended.err, node.events) == (5, True, [])


def test_a_runtime_that_is_silent_from_the_start_is_said(node: EdgeNode) -> None:
    node.runtime = False
    ended = offline(node)
    assert (ended.status, "`ctr` failed" in ended.err, node.events) == (4, True, [])


def test_a_table_that_does_not_go_is_said_and_the_timer_stays(node: EdgeNode) -> None:
    node.host.answers[f"{NFT} delete table"] = Result(code=1, err="busy")
    ended = offline(node)
    assert (ended.status, "[drill-not-lifted]" in ended.err) == (4, True)
    assert node.timer


def test_a_second_drill_is_refused_and_told_how_long_the_first_lasts(node: EdgeNode) -> None:
    ended = offline(killed(node))
    assert (ended.status, "[drill-running]" in ended.err) == (8, True)
    assert f"it ends at {stamp(90)}, in 1 min 30 s" in ended.err
    assert "end it now with `edgeadm drill lift`" in ended.err
    assert node.events == []
    assert "[drill-running]" in offline(node, "--dry-run").err


def test_a_drill_that_holds_the_lock_is_named_too(node: EdgeNode, tmp_path: Path) -> None:
    with lock("edgeadm drill offline", tmp_path / "lock"):
        assert "[drill-running]" in offline(killed(node)).err
        assert drill(node, "lift").status == 0
        assert "[locked]" in offline(node).err


def test_lift_ends_it_at_once_and_a_second_time_finds_nothing(node: EdgeNode) -> None:
    ended = drill(killed(node), "lift")
    assert (ended.status, ended.out) == (0, "the API server is reachable again\n")
    assert node.events == ["lift", "stop timer"]
    again = drill(node, "lift")
    assert (again.status, again.out) == (0, "nothing to do: nothing is blocked\n")
    assert json.loads(drill(node, "lift", "-o", "json").out) == {"verb": "drill lift", "lifted": False}
    assert node.events == ["lift", "stop timer"]


def test_lift_works_beside_a_lock_that_is_stale(node: EdgeNode, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("pid 1: edgeadm drill offline\n")
    assert json.loads(drill(killed(node), "lift", "-o", "json").out)["lifted"] is True
