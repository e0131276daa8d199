"""The steps on one machine, connected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from edgeadm.checks.engine import Finding
from edgeadm.checks.engine import Result as Outcome
from edgeadm.config.secret import Secret
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.configuration import document, parsed, verb_of
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.inspect import parse
from edgeadm.fleet.machine_work import MachineWork
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.record import record
from edgeadm.fleet.work import Action, Ticket
from edgeadm.hosts.base import Host, Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.ssh.target import Target
from tests.fake_remotes import FakeRemote

RECORDED = Path(__file__).with_name("recorded")
CA = "sha256:162ae1410a07a53358be401550190cbe5656869cccca778d06aa3e3ffb4c1894"
MACHINE = Machine("edge1", Target("192.0.2.1"), labels={"site": "a"}, taints=("edge=yes:NoSchedule",))
FLEET = Fleet("f", (MACHINE,), settings={"runtime": "containerd"})
TICKET = Ticket("192.0.2.9:6443", CA, Secret("abcdef.0123456789abcdef"))
CONTENT = "cbe02069f2fdbc3b63b07321db233fde49359ccc0c6c3b80b77e205429750ead"
FINDING = Finding("Mem", "node", "memory", Outcome.FAILED, "too little")


@dataclass
class Answering(FakeHost):
    """A host that answers the script."""

    answer: str = ""

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        return Result(out=self.answer)


class Known(Bundles):
    """Bundles whose packages were looked at before."""

    def content(self, arch: str, role: Role) -> str:
        assert (arch, role) == ("amd64", Role.EDGE)
        return CONTENT


@dataclass
class Seen:
    """Checks that record their calls."""

    calls: list[str] = field(default_factory=list)

    def __call__(self, _host: Host, machine: Machine, _facts: Facts) -> Sequence[Finding]:
        self.calls.append(machine.name)
        return [FINDING]


def remote(name: str) -> FakeRemote:
    return FakeRemote(on=Answering(answer=(RECORDED / f"{name}.txt").read_text(encoding="utf-8")))


def work(seen: Seen, fleet: Fleet) -> MachineWork:
    return MachineWork(fleet, CA, checks=seen, bundles=Known({"amd64": "unused"}))


def test_a_converged_machine_costs_one_shell_and_no_check() -> None:
    seen, there = Seen(), remote("edge")
    steps = work(seen, replace(FLEET, settings={}))
    facts = steps.inspect(there, MACHINE)
    assert steps.action(MACHINE, facts)[0] is Action.NOTHING
    assert steps.differences(MACHINE, facts) == ()
    assert (there.traffic.shells, seen.calls) == (1, [])


def test_the_checks_of_a_bare_machine_run_in_the_same_shell() -> None:
    seen, there = Seen(), remote("debian-12")
    steps = work(seen, FLEET)
    facts = steps.inspect(there, MACHINE)
    assert steps.action(MACHINE, facts)[0] is Action.JOIN
    assert steps.check(there, MACHINE, facts) == [FINDING]
    assert (there.traffic.shells, seen.calls) == (1, ["edge1"])
    steps.check(there, MACHINE, facts)
    assert (there.traffic.shells, seen.calls) == (2, ["edge1", "edge1"])


def test_a_difference_is_named_and_changes_nothing() -> None:
    steps = work(Seen(), FLEET)
    facts = parse((RECORDED / "edge.txt").read_text(encoding="utf-8"))
    changed = replace(MACHINE, labels={"site": "b"})
    assert steps.differences(changed, facts) == ("labels", "settings")
    assert steps.action(changed, facts)[0] is Action.NOTHING


def test_the_first_control_plane_has_a_record_without_a_ca() -> None:
    steps = work(Seen(), replace(FLEET, settings={}))
    facts = parse((RECORDED / "edge.txt").read_text(encoding="utf-8"))
    first = record(steps.fleet, MACHINE, ca="", package=CONTENT)
    known = replace(facts, record=first, applied=first["hash"])
    assert steps.differences(MACHINE, known) == ()
    other = replace(known, record={**facts.record, "ca": "sha256:" + "0" * 64}, applied="x")
    assert steps.differences(MACHINE, other) == ("ca",)


def test_the_document_of_an_edge_node() -> None:
    found = document(FLEET, MACHINE, TICKET, "/var/lib/edgeadm-fleet/files/x")
    assert json.loads(json.dumps(found)) == {
        "apiVersion": "edgeadm.io/v1alpha1",
        "kind": "EdgeConfiguration",
        "runtime": "containerd",
        "nodeName": "edge1",
        "installPkgPath": "/var/lib/edgeadm-fleet/files/x",
        "token": "abcdef.0123456789abcdef",
        "apiServerEndpoint": "192.0.2.9:6443",
        "discoveryTokenCaCertHash": [CA],
        "nodeLabels": ["site=a"],
        "registerWithTaints": ["edge=yes:NoSchedule"],
    }


@pytest.mark.parametrize(
    ("role", "ticket", "verb", "wanted"),
    [
        (Role.WORKER, TICKET, "join", {"enableEdge": False}),
        (
            Role.CONTROL_PLANE,
            replace(TICKET, certificate_key=Secret("0" * 64)),
            "join",
            {"controlPlane": True, "certificateKey": "0" * 64},
        ),
        (Role.CONTROL_PLANE, Ticket("", "", Secret("")), "init", {"nodeName": "edge1"}),
    ],
)
def test_the_documents_of_other_roles(
    role: Role, ticket: Ticket, verb: str, wanted: dict[str, object]
) -> None:
    found = document(FLEET, replace(MACHINE, role=role), ticket, "/p")
    assert verb_of(ticket) == verb
    assert wanted.items() <= found.items()
    assert ("token" in found) is bool(ticket.token)


def test_the_configuration_is_what_edgeadm_reads_on_the_machine(tmp_path: Path) -> None:
    from edgeadm.config import load

    found = document(FLEET, MACHINE, TICKET, "/p")
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(found))), encoding="utf-8")
    assert parsed(found, "join") == replace(load(str(file), {}), verb="join")


def test_a_machine_with_edgeadm_is_reset_with_it() -> None:
    steps = MachineWork(FLEET, CA, checks=Seen(), bundles=Known({"arm64": "unused"}))
    tree = "a" * 20
    there = FakeRemote({"ours": Result(out='{"event": "result", "exitCode": 0}\n')})
    facts = Facts("edge1", "amd64", stored=frozenset({f"executable:{tree}"}))
    steps.reset(there, MACHINE, facts, lambda _event: None)
    assert there.calls[0].args[1] == "reset"
    assert there.calls[0].args[3] == f"/opt/edgeadm/{tree}/edgeadm"
    assert there.calls[0].args[5] == "purge"
    steps.reset(there, replace(MACHINE, reinstall=True), facts, lambda _event: None)
    assert there.calls[1].args[5] == ""
