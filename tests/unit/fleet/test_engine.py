"""The engine, with machines in memory and time that only passes when nothing else happens."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from edgeadm.checks.engine import Finding, Result
from edgeadm.errors import CommandError, UnreachableError
from edgeadm.fleet.apply import patch
from edgeadm.fleet.errors import ClusterAwayError, InterruptedRunError, RunFailedError
from edgeadm.fleet.events import RunEnded, RunStarted
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.former import former_name
from edgeadm.fleet.model import Fleet, Limit, Limits, Site
from edgeadm.fleet.progress import BrokenTableError, Goal, MachineRun
from edgeadm.fleet.states import TRANSITIONS, State, may_change
from edgeadm.fleet.tally import Tally
from edgeadm.fleet.work import Action
from edgeadm.hosts.ssh.target import Target
from tests.fake_fleet import PASSWORD, Far, World, fleet, machine

JOINED = ["reachable", "checked", "loaded", "joining", "joined", "ready"]
MEMBER = Membership("edge1", "sha256:ca", active=True, complete=True)
FAILURE = Finding("Swap", "system", "swap is off", Result.FAILED, "swap is on", "run `swapoff -a`")


def away(count: int = 1) -> list[BaseException]:
    return [UnreachableError("no route to the host") for _ in range(count)]


def test_every_machine_joins_and_no_token_is_left() -> None:
    world = fleet(3)
    engine = world.engine()
    assert engine.run() == 0
    assert [world.kept.states(each.name) for each in world.machines] == [JOINED] * 3
    assert world.cluster.tokens == {}
    assert world.cluster.made == 3
    assert all(each.shells == 3 for each in world.far.values())
    assert world.compared == [{"edge1", "edge2", "edge3"}]


def test_a_converged_fleet_takes_one_shell_and_no_bytes() -> None:
    world = fleet(3)
    for each in world.far.values():
        each.membership = MEMBER
    engine = world.engine()
    assert engine.run() == 0
    assert [world.kept.states(each.name) for each in world.machines] == [["reachable", "ready"]] * 3
    assert [(each.shells, each.loads) for each in world.far.values()] == [(1, 0)] * 3
    assert world.cluster.made == 0


def test_the_state_changes_only_by_the_table() -> None:
    for before in State:
        for after in State:
            run = MachineRun(machine(1), state=before)
            if may_change(before, after):
                run.move(after)
                assert run.state is after
            else:
                with pytest.raises(BrokenTableError):
                    run.move(after)
    assert set(TRANSITIONS) == set(State)


def test_a_machine_without_an_answer_is_waiting_after_three_attempts() -> None:
    world = fleet(2)
    world.far["edge2"].faults["dial"] = away(9)
    engine = world.engine()
    assert engine.run() == 5
    assert world.states(engine) == {"edge1": "ready", "edge2": "waiting"}
    assert world.dialer.dials.count("10.0.0.2") == 3
    assert world.kept.states("edge2") == ["waiting"]
    assert engine.machines[1].code == "unreachable"


def test_a_host_key_that_changed_is_not_tried_again() -> None:
    from edgeadm.hosts.ssh.errors import HostKeyChangedError

    world = fleet(2)
    world.far["edge2"].faults["dial"] = [HostKeyChangedError("the key of edge2 has changed")]
    engine = world.engine()
    assert engine.run() == 5
    assert world.dialer.dials.count("10.0.0.2") == 1
    assert (engine.machines[1].state, engine.machines[1].code) == (State.WAITING, "ssh-host-key-changed")


@pytest.mark.parametrize("step", ["inspect", "load"])
def test_a_connection_that_is_lost_before_the_change_is_opened_again(step: str) -> None:
    world = fleet(1)
    world.far["edge1"].faults[step] = away(2)
    assert world.engine().run() == 0
    assert world.kept.states("edge1") == JOINED
    assert world.far["edge1"].joins == 1


@pytest.mark.parametrize(("step", "seen"), [("inspect", []), ("load", JOINED[:2]), ("start", JOINED[:4])])
def test_an_error_of_a_step_fails_the_machine_alone(step: str, seen: list[str]) -> None:
    world = fleet(2)
    world.far["edge1"].faults[step] = [CommandError("no space is left", hint="free some")]
    engine = world.engine()
    assert engine.run() == 4
    assert world.kept.states("edge1") == [*seen, "failed"]
    assert world.kept.states("edge2") == JOINED
    failed = engine.machines[0].result()
    assert (failed.code, failed.detail, failed.hint) == ("command-failed", "no space is left", "free some")
    assert world.cluster.tokens == {}


def test_a_failed_check_of_the_machine_stops_it_before_any_change() -> None:
    world = fleet(2)
    world.far["edge1"].findings = (FAILURE,)
    engine = world.engine()
    assert engine.run() == 4
    assert (engine.machines[0].code, world.far["edge1"].loads) == ("Swap", 0)


def test_a_failed_check_between_machines_stops_those_that_it_names() -> None:
    world = fleet(3, cross={"edge2": [FAILURE]})
    engine = world.engine()
    assert engine.run() == 4
    assert world.states(engine) == {"edge1": "ready", "edge2": "failed", "edge3": "ready"}


def test_a_machine_that_hangs_delays_no_other() -> None:
    """The others join although edge1 never answers; its slot is free again after the patience."""
    world = fleet(4, limits=Limits(concurrency=1))
    world.pool.hold = lambda name: name == "inspect edge1"
    engine = world.engine()
    later: list[dict[str, str]] = []

    def answer() -> None:
        later.append(world.states(engine))
        world.pool.release("inspect edge1")

    world.time.planned.append((60.0, answer))
    assert engine.run() == 0
    assert later == [{"edge1": "known", "edge2": "ready", "edge3": "ready", "edge4": "ready"}]
    assert world.kept.states("edge1") == JOINED
    assert world.compared[-1] == {"edge1", "edge2", "edge3", "edge4"}, "it is compared with all"


def test_no_machine_is_changed_before_all_were_inspected() -> None:
    world = fleet(8, limits=Limits(concurrency=2))
    world.engine().run()
    names = world.pool.names
    first = next(number for number, name in enumerate(names) if name.startswith("load"))
    assert sum(name.startswith("inspect") for name in names[:first]) == 8


def test_no_more_steps_than_slots_run_at_a_time() -> None:
    world = fleet(5, limits=Limits(concurrency=2))
    world.pool.hold = lambda name: name.startswith("join")
    engine = world.engine()
    most: list[int] = []

    def free() -> None:
        held = [name for name in world.pool.held if name.startswith("join")]
        most.append(len(held))
        world.time.planned.append((world.time.seconds + 10, free))
        if held:
            world.pool.release(held[0])

    world.time.planned.append((10.0, free))
    assert engine.run() == 0
    assert max(most) == 2


def test_max_failures_stops_new_work_only() -> None:
    world = fleet(6, limits=Limits(concurrency=2, max_failures=Limit(0)))
    world.far["edge1"].faults["load"] = [CommandError("no space is left")]
    engine = world.engine()
    assert engine.run() == 4
    states = world.states(engine)
    assert states["edge1"] == "failed"
    assert states["edge2"] == "ready", "it had begun"
    assert {states[name] for name in ("edge4", "edge5", "edge6")} == {"checked"}
    assert [each.name for each in engine.left()] == ["edge3", "edge4", "edge5", "edge6"]
    assert engine.stopped


def test_machines_that_do_not_answer_are_counted_by_themselves() -> None:
    dead = {number: Far(faults={"dial": away(9)}) for number in (1, 2)}
    for limits, code in (
        (Limits(max_failures=Limit(1)), 5),
        (Limits(max_unreachable=Limit(1)), 5),
    ):
        far = {f"edge{number}": Far(faults={"dial": away(9)}) for number in dead}
        world = World([machine(number) for number in (1, 2, 3)], far=far, limits=limits)
        engine = world.engine()
        assert engine.run() == code
        assert bool(engine.stopped) is (limits.max_unreachable == Limit(1))


def test_percentages_are_of_all_machines() -> None:
    limit = Limit(percent=10)
    assert [limit.reached(count, 20) for count in (0, 1, 2, 3)] == [False, False, False, True]


def test_the_first_signal_starts_nothing_new_and_waits() -> None:
    world = fleet(4, limits=Limits(concurrency=2))
    world.pool.hold = lambda name: name.startswith("join")
    engine = world.engine()

    def interrupt() -> None:
        engine.stop("interrupted")
        for name in list(world.pool.held):
            world.time.planned.append((world.time.seconds + 5, lambda name=name: world.pool.release(name)))

    world.time.planned.append((1.0, interrupt))
    assert engine.run() == 130
    assert sorted(world.states(engine).values()) == ["checked", "checked", "ready", "ready"]
    assert world.cluster.tokens == {}


def test_the_second_signal_leaves_and_keeps_only_the_tokens_of_machines_that_join() -> None:
    world = fleet(2)
    world.pool.hold = lambda name: name == "join edge1"
    engine = world.engine()

    def leave() -> None:
        raise KeyboardInterrupt

    def join_starts() -> None:
        world.far["edge1"].stored = True
        world.cluster.tokens["000099"] = "edge1"
        engine.machines[0].token = "000099"
        leave()

    world.time.planned.append((30.0, join_starts))
    with pytest.raises(KeyboardInterrupt):
        engine.run()
    assert world.states(engine) == {"edge1": "joining", "edge2": "ready"}
    assert set(world.cluster.tokens.values()) == {"edge1"}, "the machine finishes on its own"


def test_a_connection_that_is_lost_during_the_join_is_opened_again() -> None:
    world = fleet(1)
    far = world.far["edge1"]
    far.faults = {"join": away(1)}
    engine = world.engine()
    assert engine.run() == 0
    assert (far.joins, world.kept.states("edge1")) == (1, JOINED)
    assert "lost" in world.kept.phases("edge1")
    assert world.cluster.tokens == {}


def test_a_machine_whose_connection_stays_lost_is_waiting() -> None:
    world = fleet(2)
    far = world.far["edge1"]
    far.faults = {"join": away(1)}
    engine = world.engine()
    original = world.dialer.dial

    def dial(target: Target) -> object:
        if far.joins and target.address == "10.0.0.1":
            raise UnreachableError("no route")
        return original(target)

    world.dialer.dial = dial  # type: ignore[method-assign]
    assert engine.run() == 5
    assert (engine.machines[0].state, engine.machines[0].code) == (State.WAITING, "fleet-connection-lost")
    assert world.kept.states("edge2") == JOINED
    assert world.cluster.tokens == {}


def test_a_run_that_another_engine_left_is_followed_without_a_join() -> None:
    world = fleet(1)
    world.far["edge1"].running = "edgeadm-fleet-join-1.service"
    assert world.engine().run() == 0
    assert world.far["edge1"].joins == 0
    assert world.kept.states("edge1") == ["reachable", "joining", "joined", "ready"]


def test_a_reinstalled_machine_keeps_its_node_until_it_was_reset() -> None:
    world = World([machine(1, reinstall=True)], far={"edge1": Far(membership=MEMBER)})
    world.cluster.ready["edge1"] = True
    assert world.engine().run() == 0
    states = [*JOINED[:3], "resetting", *JOINED[3:]]
    assert world.kept.states("edge1") == states
    assert (world.far["edge1"].resets, world.far["edge1"].joins, world.cluster.deleted) == (1, 1, ["edge1"])


@pytest.mark.parametrize("step", ["dial", "inspect", "check", "load", "reset"])
def test_a_reinstallation_that_fails_keeps_the_node(step: str) -> None:
    world = World([machine(1, reinstall=True)], far={"edge1": Far(membership=MEMBER)})
    world.cluster.ready["edge1"] = True
    world.far["edge1"].faults[step] = [CommandError("it failed")]
    assert world.engine().run() in (4, 5)
    assert world.cluster.deleted == []
    assert "edge1" in world.cluster.ready


OLD = Membership("old", "sha256:ca", active=True, complete=True)


def test_a_machine_that_is_reinstalled_under_another_name_leaves_no_node() -> None:
    world = World([machine(1, reinstall=True)], far={"edge1": Far(membership=OLD, machine_id="1a2b3c")})
    world.cluster.ready["old"], world.cluster.machine_ids["old"] = True, "1A2B3C"
    world.far["edge1"].faults["reset"] = away()
    assert world.engine().run() == 0
    assert (world.cluster.deleted, set(world.cluster.ready)) == (["edge1", "old"], {"edge1"})


@pytest.mark.parametrize(
    ("member", "machine_id"),
    [
        (OLD, "9f9f9f"),
        (OLD, ""),
        (replace(OLD, ca="sha256:other"), "1a2b3c"),
        (replace(OLD, node="../old"), "1a2b3c"),
    ],
)
def test_the_node_of_another_machine_is_kept(member: Membership, machine_id: str) -> None:
    world = World([machine(1, reinstall=True)], far={"edge1": Far(membership=member, machine_id="1a2b3c")})
    world.cluster.ready["old"], world.cluster.machine_ids["old"] = True, machine_id
    assert world.engine().run() == 0
    assert world.cluster.deleted == ["edge1"]


def test_the_name_of_another_machine_of_the_fleet_is_not_a_former_name() -> None:
    both = Fleet("f", (machine(1), machine(2)))
    facts = Facts("edge1", "amd64", membership=replace(OLD, node="edge2"))
    assert former_name(both, machine(1), facts, "sha256:ca") == ""
    assert former_name(Fleet("f", (machine(1),)), machine(1), facts, "sha256:ca") == "edge2"


def test_a_reset_deletes_the_node_afterwards() -> None:
    world = World([machine(1), machine(2)], far={"edge1": Far(membership=MEMBER)})
    world.cluster.ready["edge1"] = True
    engine = world.engine(Goal.RESET)
    assert engine.run() == 0
    assert world.kept.states("edge1") == ["reachable", "resetting", "reset"]
    assert world.kept.states("edge2") == ["reachable", "reset"]
    assert (world.far["edge2"].resets, world.cluster.deleted) == (0, ["edge1"])


@pytest.mark.parametrize("goal", [Goal.PLAN, Goal.CHECK])
def test_a_run_that_looks_changes_nothing(goal: Goal) -> None:
    world = fleet(2)
    world.far["edge1"].findings = (FAILURE,)
    engine = world.engine(goal)
    assert engine.run() == 2
    assert [(each.shells, each.loads, each.joins) for each in world.far.values()] == [(1, 0, 0)] * 2
    assert world.cluster.made == 0
    assert world.states(engine)["edge2"] == ("reachable" if goal is Goal.PLAN else "checked")


def labelled() -> tuple[World, dict[str, object]]:
    """A fleet with two joined machines; a label of the first one differs from the document."""
    world = World([machine(1, labels={"site": "b"}), machine(2)])
    for each in world.machines:
        world.far[each.name].membership = replace(MEMBER, node=each.name)
        world.cluster.ready[each.name] = True
    return world, {"patch": partial(patch, Fleet("f", tuple(world.machines)))}


def test_labels_of_a_joined_machine_are_applied_to_its_node() -> None:
    world, more = labelled()
    world.cluster.faults["patch"] = [ClusterAwayError("it is away")]
    engine = world.engine(**more)
    assert engine.run() == 0
    wanted = {"name": "edge1", "labels": {"site": "b"}}
    assert world.cluster.patched == [{"apiVersion": "v1", "kind": "Node", "metadata": wanted}]
    assert [world.kept.states(each.name) for each in world.machines] == [["reachable", "ready"]] * 2
    assert [each.action for each in engine.machines] == [Action.LABELS, Action.NOTHING]
    assert [each.shells for each in world.far.values()] == [1, 1]


def test_a_plan_names_the_change_of_labels_and_changes_none() -> None:
    world, more = labelled()
    engine = world.engine(Goal.PLAN, **more)
    assert engine.run() == 0
    assert world.cluster.patched == []
    assert engine.machines[0].result().change == "labels"
    assert "labels or taints of its Node differ" in engine.machines[0].reason


def test_a_node_that_refuses_labels_fails() -> None:
    world, more = labelled()
    world.cluster.faults["patch"] = [CommandError("the label is not valid")]
    engine = world.engine(**more)
    assert engine.run() == 4
    assert world.states(engine) == {"edge1": "failed", "edge2": "ready"}


def test_failures_of_joins_are_grouped_by_the_errors_of_the_machines() -> None:
    world, tally = fleet(4), Tally()
    secret = replace(FAILURE, text=f"swap is on {PASSWORD}")
    memory = replace(FAILURE, code="Mem", text="too little", hint="add some")
    faults = {
        "edge1": RunFailedError("the name is taken", cause="name-taken", hint="choose another one"),
        "edge2": RunFailedError("the name is taken", cause="name-taken", hint="choose another one"),
        "edge3": RunFailedError("swap is on", cause="Swap", findings=(secret, memory)),
    }
    for name, error in faults.items():
        world.far[name].faults["join"] = [error]
    engine = world.engine()
    assert engine.run() == 4
    machines = tuple(world.machines)
    tally.handle(RunStarted("add", "run-1", Fleet("f", machines), machines))
    tally.handle(RunEnded(tuple(each.result() for each in engine.machines), 1.0, 4))
    found = tally.summary()
    assert found is not None
    assert [(each.code, each.hint, each.machines) for each in found.failures] == [
        ("name-taken", "choose another one", ("edge1", "edge2")),
        ("Swap", "run `swapoff -a`", ("edge3",)),
        ("Mem", "add some", ("edge3",)),
    ]
    assert str(PASSWORD) not in "".join(each.text for each in found.failures)


def test_a_node_that_is_not_ready_in_time_fails() -> None:
    world = fleet(2)
    world.cluster.ready["edge1"] = False
    engine = world.engine()
    assert engine.run() == 4
    assert engine.machines[0].code == "fleet-node-not-ready"
    assert world.cluster.tokens == {}


def test_one_list_of_nodes_answers_for_all_machines() -> None:
    world = fleet(20)
    world.engine().run()
    assert world.cluster.lists <= 3


def test_an_api_that_is_away_for_five_minutes_fails_no_machine() -> None:
    world = fleet(3)
    world.cluster.faults["ticket"] = [ClusterAwayError("the API does not respond") for _ in range(60)]
    assert world.engine().run() == 0
    assert [world.kept.states(each.name) for each in world.machines] == [JOINED] * 3
    assert world.cluster.tokens == {}
    assert all(each.joins == 1 for each in world.far.values())


def test_a_bug_in_a_step_does_not_show_values() -> None:
    world = fleet(2)
    world.far["edge1"].faults["load"] = [ValueError("canary-password")]
    engine = world.engine()
    assert engine.run() == 4
    assert engine.machines[0].code == "fleet-bug"
    assert "canary" not in str(world.kept.events[-1])


def site_of(count: int) -> World:
    """Machines of one site."""
    return World([machine(number, site="shop") for number in range(1, count + 1)])


def test_one_machine_of_a_site_receives_the_files_over_the_wan() -> None:
    world = site_of(5)
    engine = world.engine(sites={"shop": Site("shop")})
    assert engine.run() == 0
    results = [each.result() for each in engine.machines]
    assert sum(each.wan for each in results) == 100
    assert sorted(each.lan for each in results) == [0, 100, 100, 100, 100]


def test_a_machine_takes_the_place_of_one_that_fails_to_serve_its_site() -> None:
    world = site_of(3)
    world.far["edge1"].faults["load"] = [CommandError("the disk is full")]
    world.far["edge2"].faults["load"] = away(1)
    engine = world.engine(sites={"shop": Site("shop")})
    assert engine.run() == 4
    assert world.states(engine) == {"edge1": "failed", "edge2": "ready", "edge3": "ready"}
    assert sum(each.loaded.wan for each in engine.machines) == 100


def test_a_site_without_a_source_receives_the_files_over_the_wan() -> None:
    world = site_of(3)
    world.far["edge1"].faults["share"] = [CommandError("there is no port")]
    engine = world.engine(sites={"shop": Site("shop")})
    assert engine.run() == 0
    assert sum(each.loaded.wan for each in engine.machines) == 300


def test_a_machine_that_lost_power_during_its_join_joins_again() -> None:
    world = fleet(1)
    far = world.far["edge1"]
    far.faults["join"] = [InterruptedRunError("the run ended without a result")]
    engine = world.engine()
    world.pool.hold = lambda name: name == "recover edge1"

    def power_on() -> None:
        far.running = ""
        world.pool.release("recover edge1")

    world.time.planned.append((1.0, power_on))
    assert engine.run() == 0
    assert (far.joins, world.kept.states("edge1")) == (2, JOINED)
    assert world.cluster.tokens == {}


def test_a_machine_on_which_edgeadm_always_ends_without_a_result_fails() -> None:
    world = fleet(1)
    far = world.far["edge1"]
    far.faults["join"] = [InterruptedRunError("the run ended without a result") for _ in range(9)]
    far.dies = True
    engine = world.engine()
    assert engine.run() == 4
    assert engine.machines[0].code == "fleet-run-lost"
    assert far.joins == 3
