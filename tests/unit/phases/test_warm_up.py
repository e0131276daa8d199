"""How long a join waits: until the node could start without the cloud."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.errors import PhaseError, UnreachableError, WaitError
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.node.answers import LISTS
from edgeadm.node.membership import FACTS, ClusterFacts
from edgeadm.node.offline_files import HELPER, SUBNET
from edgeadm.phases.warm_up import FLANNELS_OWN, WarmUp
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import cache_knows, join_writes
from tests.wishes import asked

KNOWN = ClusterFacts(
    "https://10.0.0.11:6443",
    "",
    "v1.34.4",
    "10.96.0.1",
    "cluster.local",
    "169.254.20.11",
    edge_dns=True,
    edge_programs=("flannel", "kube-proxy"),
)
NODE = "/api/v1/nodes/cp1"
ASK = f"{HELPER} ask --server=https://169.254.20.11:51003 --client=/var/lib/kubelet/pki/"
KEEP = f"{HELPER} keep --once --cache=/data/lite-apiserver/cache --snapshot=/data/lite-apiserver/snapshot"
EVERY = [(program, resource) for program, wanted in LISTS.items() for resource in wanted]
Entry = dict[str, object]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """An edge node that has joined just now, and whose Pods have all asked."""
    made = Machine(tmp_path, role="edge")
    made.host.files |= join_writes() | {FACTS: KNOWN.text(), HELPER: b""}
    made.api[NODE] = {"metadata": {"annotations": {FLANNELS_OWN: '{"VNI":1}'}}}
    return made


def context(machine: Machine, **more: Any) -> Context:
    ctx = machine.context(asked(JOIN), **more)
    ctx.journal.verb, ctx.journal.phase = "join", "warm-up"
    return ctx


def told(entries: Iterable[Entry]) -> Result:
    return Result(out=json.dumps({"entries": list(entries)}))


def keep(machine: Machine, entries: Iterable[Entry]) -> None:
    """What lite-apiserver has kept by now."""
    machine.host.answers[f"{HELPER} cache"] = told(entries)


def without(program: str, resource: str) -> list[Entry]:
    return [
        each
        for each in cache_knows()
        if not (str(each["userAgent"]).lower().startswith(program) and each["resource"] == resource)
    ]


def wait(machine: Machine, **more: Any) -> str:
    """What the error says that is not known."""
    with pytest.raises(WaitError) as given_up:
        WarmUp().apply(context(machine, **more))
    return given_up.value.context


def test_a_node_that_knows_everything_asks_for_flannel_and_keeps_it(machine: Machine) -> None:
    assert not WarmUp().check(context(machine)).needed
    WarmUp().apply(context(machine))
    asks, keeps = machine.host.ran
    assert asks.startswith(ASK)
    assert asks.endswith(" --node=cp1")
    assert keeps == KEEP


@pytest.mark.parametrize(("program", "resource"), EVERY)
def test_a_list_that_nobody_asked_for_is_named(program: str, resource: str, machine: Machine) -> None:
    keep(machine, without(program, resource))
    verdict = WarmUp().check(context(machine))
    assert (verdict.needed, verdict.reason.partition(": ")[2]) == (True, f"{resource} for {program}")


def test_an_object_that_kubelet_found_missing_is_asked_for_until_it_is_there(machine: Machine) -> None:
    answers = [told(without("kubelet", "csinodes"))] * 5 + [told(cache_knows())]
    machine.host.answers[f"{HELPER} cache"] = lambda *_: answers.pop(0) if len(answers) > 1 else answers[0]
    assert WarmUp().check(context(machine)).reason == "not cached on this node yet: csinodes/cp1 for kubelet"
    WarmUp().apply(context(machine))
    *asks, keeps = machine.host.ran
    assert len(asks) > 1
    assert all(each.startswith(ASK) for each in asks)
    assert keeps == KEEP


def test_an_object_that_stays_missing_is_named(machine: Machine) -> None:
    keep(machine, without("kubelet", "csinodes"))
    assert wait(machine) == "not cached: csinodes/cp1 for kubelet"


def test_after_its_patience_it_says_what_is_missing(machine: Machine) -> None:
    keep(machine, without("kube-proxy", "endpointslices"))
    assert wait(machine) == "not cached: endpointslices for kube-proxy"
    assert machine.host.ran == [], "there is nothing to keep yet"


def test_after_its_patience_it_says_why_pods_of_the_node_do_not_run(machine: Machine) -> None:
    pull = {"container": "kube-proxy", "reason": "ImagePullBackOff", "message": "Back-off pulling kube-proxy"}
    pods = [
        {"namespace": "edge-system", "name": "edge-kube-proxy-x", "phase": "Pending", "waiting": [pull]},
        {"namespace": "edge-system", "name": "edge-health-y", "phase": "Running"},
        {"namespace": "shop", "name": "web-0", "phase": "Pending"},
    ]
    keep(machine, without("kube-proxy", "endpointslices"))
    machine.host.answers[f"{HELPER} pods"] = Result(out=json.dumps({"pods": pods}))
    with pytest.raises(WaitError) as given_up:
        WarmUp().apply(context(machine))
    first, *others = given_up.value.context.splitlines()
    assert first == "not cached: endpointslices for kube-proxy"
    assert others == [
        (
            "Pod edge-system/edge-kube-proxy-x container kube-proxy is waiting: "
            "ImagePullBackOff: Back-off pulling kube-proxy"
        ),
        "Pod shop/web-0 is Pending",
    ]
    assert given_up.value.hint == "run the same command again to keep waiting"


def test_a_list_that_is_not_whole_does_not_count(machine: Machine) -> None:
    torn = [each | {"whole": each["resource"] != "pods"} for each in cache_knows()]
    keep(machine, torn)
    assert WarmUp().check(context(machine)).reason.endswith(": pods for kubelet")


def test_it_goes_on_as_soon_as_the_last_list_is_there(machine: Machine) -> None:
    answers = [told(without("coredns", "namespaces")), told(cache_knows())]

    def next_answer(_host: FakeHost, _argv: tuple[str, ...], _stdin: bytes) -> Result:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    machine.host.answers[f"{HELPER} cache"] = next_answer
    WarmUp().apply(context(machine))
    assert machine.host.ran[-1] == KEEP


@pytest.mark.parametrize("agent", ["application-grid-wrapper/v0.9.0", "grid-wrapper/v0.0.0"])
def test_with_strict_service_groups_the_wrapper_asks_for_kube_proxy(agent: str, machine: Machine) -> None:
    asked_by = [
        each | {"userAgent": agent} if str(each["userAgent"]).startswith("kube-proxy") else each
        for each in cache_knows()
    ]
    keep(machine, asked_by)
    assert not WarmUp().check(context(machine)).needed


def test_flannels_file_is_awaited(machine: Machine) -> None:
    del machine.host.files[SUBNET]
    assert SUBNET in WarmUp().check(context(machine)).reason
    assert wait(machine) == f"not cached: {SUBNET}"


@pytest.mark.parametrize("node", [{"metadata": {}}, {"metadata": {"annotations": {"other": "x"}}}, None])
def test_what_flannel_writes_about_its_link_is_awaited(node: dict[str, Any] | None, machine: Machine) -> None:
    del machine.api[NODE]
    machine.api |= {NODE: node} if node else {}
    assert wait(machine) == "not cached: the address of this node's flannel"


def test_an_api_that_does_not_answer_is_asked_again(machine: Machine) -> None:
    def away() -> Any:
        raise UnreachableError("the API server does not respond")

    ctx = replace(context(machine), outside=away)
    with pytest.raises(WaitError) as given_up:
        WarmUp().apply(ctx)
    assert given_up.value.context == "not cached: the address of this node's flannel"


def test_without_programs_of_edge_nodes_the_kubelets_lists_are_enough(machine: Machine) -> None:
    machine.host.files[FACTS] = replace(KNOWN, edge_dns=False, edge_programs=()).text()
    del machine.host.files[SUBNET], machine.api[NODE]
    keep(machine, (each for each in cache_knows() if str(each["userAgent"]).startswith("kubelet")))
    assert not WarmUp().check(context(machine)).needed
    WarmUp().apply(context(machine))
    assert machine.host.ran[-1] == KEEP
    keep(machine, without("kubelet", "services"))
    assert wait(machine) == "not cached: services for kubelet"


@pytest.mark.parametrize("said", ["", "unknown command", '{"files": []}'])
def test_a_program_that_says_something_else_says_that_nothing_is_known(said: str, machine: Machine) -> None:
    machine.host.answers[f"{HELPER} cache"] = Result(out=said)
    assert "pods for kubelet" in WarmUp().check(context(machine)).reason


def test_a_run_that_was_killed_is_finished(machine: Machine) -> None:
    context(machine).journal.add("started")
    ((_, verdict),) = Run(JOIN, context(machine), Recorded()).plan(JOIN.select(["warm-up"]))
    assert (verdict.needed, "cut off" in verdict.reason) == (True, True)


def test_a_machine_that_has_not_joined_waits_for_nothing(machine: Machine) -> None:
    for path in join_writes():
        del machine.host.files[path]
    assert WarmUp().check(context(machine)).reason == "this host is not a node yet"
    with pytest.raises(PhaseError, match="not a node"):
        Run(JOIN, context(machine), Recorded()).apply(JOIN.select(["warm-up"]))
    assert machine.host.ran == []


@pytest.mark.parametrize("why", ["a plain worker", "without the program"])
def test_elsewhere_nothing_is_waited_for(why: str, machine: Machine) -> None:
    keep(machine, ())
    ctx = context(machine)
    if why == "a plain worker":
        ctx = replace(ctx, config=replace(ctx.config, enable_edge=False))
    else:
        del machine.host.files[HELPER]
        ctx = replace(ctx, package=None)
    assert Run(JOIN, ctx, Recorded()).apply(JOIN.select(["warm-up"])) == 0
    assert machine.host.ran == []
