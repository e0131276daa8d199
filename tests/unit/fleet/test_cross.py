"""Checks between machines: each finds its fault, in the machine that has it, and nothing in healthy ones."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from edgeadm.checks.engine import Result
from edgeadm.cluster import Object
from edgeadm.fleet.cross import CROSS_CHECKS, cross_check
from edgeadm.fleet.cross_watch import CrossChecker
from edgeadm.fleet.crowd import Around, is_junk
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.hosts.ssh.target import HostKeys, Target
from edgeadm.preflight.every import INIT_CHECKS, JOIN_CHECKS
from edgeadm.preflight.network import CONTROL_PLANE_CHECKS
from tests.crowds import OURS, THEIRS, facts, machine, member, node

AROUND = Around(
    packages=frozenset({"amd64", "arm64"}),
    endpoint="203.0.113.7:6443",
    tunnel=("203.0.113.7:30900",),
    ca=OURS,
    space=lambda arch, role: 1500 if (arch, role) == ("amd64", Role.EDGE) else 0,
    unpacked=lambda _arch, _role: 2500,
    pod_ranges=(ipaddress.ip_network("10.244.0.0/16"),),
    service_ranges=(ipaddress.ip_network("10.96.0.0/12"),),
    own_machine_id="d" * 31 + "e",
)
Pair = tuple[Machine, Facts]
BAD, WARN = Result.FAILED, Result.WARNING


def found(*pairs: Pair, nodes: list[Object] | None = None, around: Around = AROUND) -> list[tuple[str, ...]]:
    """Machine, code and result of each finding."""
    known = {each.name: (each, its) for each, its in pairs}
    every = cross_check(known, nodes or [], around)
    return [(name, one.code, one.result.value) for name, its in every.items() for one in its]


def of_first(result: Result, code: str) -> list[tuple[str, ...]]:
    return [("edge-1", code, result.value)]


def of_both(result: Result, code: str) -> list[tuple[str, ...]]:
    return [(name, code, result.value) for name in ("edge-1", "edge-2")]


def plane(number: int, **more: Any) -> Machine:
    return machine(number, role=Role.CONTROL_PLANE, site="", **more)


def test_healthy_machines_have_no_findings() -> None:
    pairs = [(machine(number), facts(number)) for number in range(1, 30)]
    assert found(*pairs, (plane(40), facts(40))) == []


TWO = [
    ("DuplicateHostname", WARN, {"hostname": "debian"}, {}),
    ("DuplicateMachineID", BAD, {"machine_id": "e" * 31 + "1"}, {}),
    ("DuplicateMAC", BAD, {"macs": {"eth0": "52:54:00:12:34:56"}}, {}),
    ("DuplicateMAC", WARN, {"macs": {"eth0": "52:54:00:12:34:56"}}, {"site": "b"}),
    ("DuplicateSerial", WARN, {"serial": "VMware-42"}, {}),
    ("DuplicateProductUUID", WARN, {"product_uuid": "4c4c4544-0000-1111-8051-b4c04f4a5931"}, {}),
    ("DuplicateAddress", BAD, {"addresses": {"eth0": ("10.1.0.1/24", "10.1.0.2/24")}}, {}),
]


@pytest.mark.parametrize(("code", "result", "its", "second"), TWO, ids=lambda each: str(each)[:40])
def test_two_machines_with_one_identity(
    code: str, result: Result, its: dict[str, Any], second: dict[str, Any]
) -> None:
    pairs = (machine(1), facts(1, **its)), (machine(2, **second), facts(2, **its))
    # Two equal addresses are two findings.
    assert list(dict.fromkeys(found(*pairs))) == of_both(result, code)


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "None",
        "To Be Filled By O.E.M.",
        "0000-0000",
        "0",
        "FFFFFFFF",
        "Default string",
    ],
)
def test_fillers_are_no_identity(junk: str) -> None:
    assert is_junk(junk)
    its = {"serial": junk, "product_uuid": junk, "machine_id": junk}
    assert found((machine(1), facts(1, **its)), (machine(2), facts(2, **its))) == []


def test_interfaces_of_containers_are_no_identity() -> None:
    its = {"macs": {"docker0": "02:42:aa:bb:cc:dd"}}
    same = {"docker0": ("172.17.0.1/16",), "lo": ("127.0.0.1/8",), "cni0": ("10.99.0.1/24",)}
    pairs = [
        (machine(number), facts(number, addresses={"eth0": (f"10.1.0.{number}",)} | same, **its))
        for number in (1, 2)
    ]
    assert found(*pairs) == []


def test_sites_may_use_equal_addresses() -> None:
    private = {"addresses": {"eth0": ("192.168.1.10/24",)}}
    behind = [
        (machine(number, site=site, target=Target(f"198.51.100.{number}")), facts(number, **private))
        for number, site in ((1, "a"), (2, "b"))
    ]
    assert [each for each in found(*behind) if each[1] == "DuplicateAddress"] == []
    unknown = [
        (machine(number, site="", target=Target(f"198.51.100.{number}")), facts(number, **private))
        for number in (1, 2)
    ]
    same = [each for each in found(*unknown) if each[1] == "DuplicateAddress"]
    assert same == of_both(WARN, "DuplicateAddress")


def test_one_machine_by_two_addresses_is_found_once_and_not_as_a_clone() -> None:
    its = facts(1, addresses={"eth0": ("10.1.0.1/24", "10.1.0.2/24")})
    assert found((machine(1), its), (machine(2), its)) == of_both(BAD, "SameMachine")


def test_one_target_twice_is_one_machine() -> None:
    pairs = (machine(1), facts(1)), (machine(2, target=machine(1).target), facts(2))
    assert ("edge-2", "SameMachine", "failed") in found(*pairs)
    jump = Target("198.51.100.1")
    other = machine(2, target=Target("10.1.0.1", jumps=(jump,)), site="b")
    assert "SameMachine" not in {code for _, code, _ in found((machine(1), facts(1)), (other, facts(2)))}


ALONE: list[tuple[str, Result, dict[str, Any], dict[str, Any]]] = [
    ("APIServerUnreachable", BAD, {}, {"reaches": {"203.0.113.7:6443": False}}),
    ("TunnelUnreachable", WARN, {}, {"reaches": {"203.0.113.7:30900": False}}),
    ("OtherCluster", BAD, {}, {"membership": member(ca=THEIRS, server="https://192.0.2.9:6443")}),
    ("OtherCluster", WARN, {"reinstall": True}, {"membership": member(ca=THEIRS)}),
    ("NodeDiffers", BAD, {}, {"membership": member(node="till-3")}),
    ("NodeDiffers", BAD, {}, {"membership": member(role="worker")}),
    ("ClusterRemains", BAD, {}, {"remains": ("/var/lib/rancher", "/etc/cni/net.d")}),
    ("AddressElsewhere", WARN, {"target": Target("203.0.113.50")}, {}),
    ("AddressElsewhere", BAD, {"target": Target("203.0.113.50"), "role": Role.WORKER}, {}),
    ("OwnHost", WARN, {}, {"machine_id": AROUND.own_machine_id}),
    ("OwnHost", BAD, {"reinstall": True}, {"machine_id": AROUND.own_machine_id}),
    ("RangeOverlap", BAD, {}, {"addresses": {"eth0": ("10.1.0.1/24",), "eth1": ("10.244.3.4/24",)}}),
    ("RangeOverlap", WARN, {}, {"addresses": {"eth0": ("10.1.0.1",)}, "networks": {"eth0": ("10.1.0.1/8",)}}),
    ("ClockSkew", BAD, {}, {"clock": 301.0}),
    ("ClockSkew", WARN, {}, {"clock": -11.0}),
    ("PackageMissing", BAD, {}, {"arch": "riscv64"}),
    ("FleetDiskSpace", BAD, {}, {"free_mib": {"/": 3999}, "devices": {"/": 5}}),
    ("FleetDiskSpace", BAD, {}, {"free_mib": {"/": 90000, "/var/lib": 1499}}),
    ("HostnameInvalid", WARN, {}, {"hostname": "till_3"}),
    ("HostnameInvalid", WARN, {}, {"hostname": "localhost.localdomain"}),
    ("KernelVersion", BAD, {}, {"kernel": "4.18.0-553.el8_10.x86_64"}),
    ("SystemdVersion", BAD, {}, {"systemd": 239}),
]


@pytest.mark.parametrize(
    ("code", "result", "document", "its"), ALONE, ids=[f"{each[0]}-{n}" for n, each in enumerate(ALONE)]
)
def test_a_fault_of_one_machine(
    code: str, result: Result, document: dict[str, Any], its: dict[str, Any]
) -> None:
    pairs = (machine(1, **document), facts(1, **its)), (machine(2), facts(2))
    wanted = [("edge-1", code, result.value)]
    # A network that overlaps both ranges is found for each of them.
    assert list(dict.fromkeys(found(*pairs))) == wanted


GOOD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"membership": member(), "remains": ("/etc/kubernetes",), "free_mib": {"/": 10}}),
    ({"reinstall": True}, {"membership": member(node="old"), "remains": ("/etc/kubernetes",)}),
    ({"reinstall": True}, {"remains": ("/var/lib/rancher",)}),
    ({}, {"remains": ("/etc/cni/net.d",)}),
    ({}, {"remains": ("/etc/kubernetes",), "running": "edgeadm-fleet-join-x.service"}),
    ({"target": Target("till-1.example")}, {}),
    ({"target": Target("203.0.113.50"), "role": Role.WORKER, "settings": {"nodeIp": "10.1.0.1"}}, {}),
    ({"role": Role.WORKER}, {"reaches": {"203.0.113.7:6443": True, "203.0.113.7:30900": False}}),
    ({}, {"reaches": {}, "kernel": "", "systemd": 0, "free_mib": {}, "serial": "", "macs": {}}),
    ({}, {"kernel": "4.19.0-26-amd64", "systemd": 240, "clock": 9.0}),
    ({}, {"kernel": "10.0.1"}),
    ({}, {"free_mib": {"/": 3999, "/var/lib": 1500}, "devices": {"/": 5, "/var/lib/containerd": 6}}),
    ({}, {"free_mib": {"/": 4000}, "devices": {"/": 5}}),
    ({}, {"free_mib": {"/": 3000}, "devices": {"/": 5}, "stored": frozenset({"a" * 64, "b" * 64})}),
]


@pytest.mark.parametrize(("document", "its"), GOOD)
def test_no_fault(document: dict[str, Any], its: dict[str, Any]) -> None:
    assert found((machine(1, **document), facts(1, **its)), (machine(2), facts(2))) == []


def test_checks_without_the_knowledge_they_need_find_nothing() -> None:
    its = facts(1, arch="riscv64", membership=member(ca=THEIRS), addresses={"eth0": ("10.1.0.1/8",)})
    assert found((machine(1), its), around=Around()) == []


def test_the_name_of_a_live_node_of_another_machine_is_taken() -> None:
    assert found((machine(1), facts(1)), nodes=[node("edge-1", 9)]) == of_first(BAD, "NodeNameTaken")
    down = [node("edge-1", 9, ready=False)]
    assert found((machine(1), facts(1)), nodes=down) == of_first(BAD, "NodeNameTaken")
    assert found((machine(1), facts(1)), nodes=[node("edge-1", 1)]) == []
    again = machine(1, target=Target("10.1.0.1", host_keys=HostKeys(reinstalled=True)))
    for replaced in (machine(1, reinstall=True), again):
        assert found((replaced, facts(1)), nodes=down) == []
    assert found((machine(1), facts(1, membership=member())), nodes=down) == []


def test_a_machine_that_is_a_node_of_another_name() -> None:
    assert found((machine(1), facts(1)), nodes=[node("till-3", 1)]) == of_first(BAD, "AlreadyNode")


def test_the_address_of_another_node() -> None:
    nodes = [node("till-3", 9, address="10.1.0.1")]
    assert found((machine(1), facts(1)), nodes=nodes) == of_first(WARN, "AlreadyNode")
    worker = machine(1, role=Role.WORKER)
    assert found((worker, facts(1)), nodes=nodes) == of_first(BAD, "AlreadyNode")


def test_a_wrong_clock_of_this_host_is_not_a_fault_of_each_machine() -> None:
    pairs = [(machine(number), facts(number, clock=-4000.0 + number)) for number in range(1, 6)]
    assert {code for _, code, _ in found(*pairs)} == {"ControllerClock"}
    late = (machine(9), facts(9, clock=0.0))
    assert ("edge-9", "ClockSkew", "failed") in found(*pairs, late)


def test_clocks_of_control_planes_agree_within_a_second() -> None:
    pairs = (
        (plane(1), facts(1, clock=0.2)),
        (plane(2), facts(2, clock=1.5)),
        (machine(3), facts(3, clock=5.0)),
    )
    assert found(*pairs) == of_both(WARN, "ClockSpread")


def test_failures_can_be_waived_for_one_machine_or_all() -> None:
    its = facts(1, kernel="4.4.0")
    for waived in (["KernelVersion"], "Mem,kernelversion", ("all",)):
        one = machine(1, settings={"ignorePreflightErrors": waived})
        assert found((one, its)) == of_first(WARN, "KernelVersion")
    assert found((machine(1), its), around=Around(waived=("kernelversion",))) == of_first(
        WARN, "KernelVersion"
    )


def test_the_surroundings_in_a_document() -> None:
    settings = {"ignorePreflightErrors": "KernelVersion,Mem"}
    fleet = Fleet("shops", packages={"amd64": "x"}, settings=settings)
    around = Around.of(fleet, endpoint="203.0.113.7:6443", ca=OURS)
    assert (around.packages, around.ca, around.endpoint) == ({"amd64"}, OURS, "203.0.113.7:6443")
    assert found((machine(1), facts(1, kernel="4.4.0")), around=around) == of_first(WARN, "KernelVersion")
    assert Around.of(Fleet("shops")).waived == ()


def test_a_late_machine_fails_and_never_an_earlier_one() -> None:
    checker = CrossChecker(AROUND)
    known = {"edge-1": (machine(1), facts(1))}
    assert checker(known, []) == {}
    late = known | {"edge-2": (machine(2), facts(2, machine_id=facts(1).machine_id))}
    assert {name: [each.code for each in its] for name, its in checker(late, []).items()} == {
        "edge-2": ["DuplicateMachineID"]
    }
    assert list(checker(late, [])) == ["edge-2"]


def test_new_facts_of_a_machine_replace_the_old_ones() -> None:
    checker = CrossChecker(AROUND)
    bad = {"edge-1": (machine(1), facts(1)), "edge-2": (machine(2), facts(2, serial=facts(1).serial))}
    assert set(checker(bad, [])) == {"edge-1", "edge-2"}
    good = bad | {"edge-2": (machine(2), facts(2))}
    assert set(checker(good, [])) == {"edge-1"}
    assert checker(good, [node("edge-1", 7)])["edge-1"]


def test_a_thousand_machines_are_compared_by_their_values_and_not_with_each_other() -> None:
    checker = CrossChecker(AROUND)
    known: dict[str, Pair] = {}
    for number in range(1000):
        target = Target(f"10.1.{number // 250}.{number % 250 + 1}")
        its = {"macs": {"eth0": f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"}}
        its |= {"addresses": {"eth0": (f"{target.address}/16",)}}
        each = machine(number, name=f"edge-{number}", target=target)
        known[each.name] = (each, facts(number, **its))
    assert checker(known, []) == {}


def test_many_clones_are_found_in_one_line_each() -> None:
    known: dict[str, Pair] = {}
    for number in range(300):
        each = machine(
            number, name=f"edge-{number}", target=Target(f"10.2.{number // 250}.{number % 250 + 1}")
        )
        known[each.name] = (each, facts(number, addresses={}, macs={}, machine_id="e" * 31 + "1"))
    every = cross_check(known, [], AROUND)
    assert {len(its) for its in every.values()} == {1}
    text = every["edge-7"][0].text
    assert text.endswith("edge-0, edge-1, edge-10, edge-11, edge-12 and at least 45 more")


def test_codes_are_permanent_words_that_preflight_does_not_use() -> None:
    codes = [each.code for each in CROSS_CHECKS]
    assert len(codes) == len(set(codes)) >= 12
    assert [each for each in codes if not re.fullmatch("[A-Z][A-Za-z]+", each)] == []
    shared = {each.code for each in INIT_CHECKS + JOIN_CHECKS + CONTROL_PLANE_CHECKS} & set(codes)
    assert shared == set()
    assert all(each.statement and each.hint and not each.statement.endswith(".") for each in CROSS_CHECKS)


def test_every_check_is_proven_here() -> None:
    proven = {each[0] for each in (*TWO, *ALONE)}
    proven |= {"SameMachine", "NodeNameTaken", "AlreadyNode", "ControllerClock", "ClockSpread"}
    assert proven == {each.code for each in CROSS_CHECKS}
