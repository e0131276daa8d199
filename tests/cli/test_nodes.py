"""`edgeadm nodes`: command lines on a fleet in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.cli.session import World
from edgeadm.cluster.access import Access
from edgeadm.errors import CommandError, UnreachableError
from edgeadm.fleet.facts import Membership
from edgeadm.fleet.journal import read, runs
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.run import Parts
from tests.cli.test_events import parsed
from tests.cli.world import Ended
from tests.fake_fleet import PASSWORD, TOKEN_SECRET, FakeAdmission, FakeDialer, FakeWork, Far
from tests.machine import Machine

DOCUMENT = """
apiVersion: edgeadm.io/v1alpha1
kind: NodeFleet
metadata: {name: shops}
spec:
  packages: {amd64: package.tar.zst}
  defaults:
    ssh: {user: admin, password: {env: FLEET_PASSWORD}}
  groups: [{name: tills}]
  machines:
  - {name: till1, address: 10.0.0.1, groups: [tills]}
  - {name: till2, address: 10.0.0.2, groups: [tills], labels: {shop: north}}
  - {name: till3, address: 10.0.0.3}
"""


class Shops:
    """A fleet of three machines, and its command line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = Machine(folder / "operator")
        self.machine.make_control_plane()
        self.file = folder / "shops.yaml"
        self.file.write_text(DOCUMENT)
        self.state = folder / "state"
        monkeypatch.setenv("XDG_STATE_HOME", str(self.state))
        monkeypatch.setenv("FLEET_PASSWORD", PASSWORD)
        self.cluster = FakeAdmission()
        self.far = {f"10.0.0.{number}": Far() for number in (1, 2, 3)}
        self.dialer = FakeDialer(self.far)

    def parts(self, _fleet: Fleet, _access: Access | None) -> Parts:
        def compare(_known: Any, _nodes: Any) -> Mapping[str, Any]:
            return {}

        return Parts(self.dialer, FakeWork(self.cluster), self.cluster, compare)

    def nodes(self, verb: str, *words: str, stdin: str = "") -> Ended:
        world = World(
            host=lambda: self.machine.host,
            cluster=lambda _host: self.machine.cluster,
            cluster_of=lambda _kubeconfig: self.machine.cluster,
            is_root=lambda: False,
            fleet=self.parts,
        )
        argv = ["nodes", verb, "-f", str(self.file), *words]
        with CliRunner().isolation(input=stdin) as (out, err, _):
            status = run(root, argv, obj=world)
            return Ended(status, out.getvalue().decode(), err.getvalue().decode())

    def journals(self) -> list[Path]:
        return runs(self.state / "edgeadm" / "fleet" / "shops")


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shops:
    return Shops(tmp_path, monkeypatch)


def test_add_joins_all_and_may_be_repeated(shops: Shops) -> None:
    first = shops.nodes("add")
    assert first.status == 0, first.err
    assert "3 of 3 machines are ready" in first.out
    assert [each.joins for each in shops.far.values()] == [1, 1, 1]
    again = shops.nodes("add")
    assert again.status == 0
    assert [each.joins for each in shops.far.values()] == [1, 1, 1]
    assert [each.shells for each in shops.far.values()] == [4, 4, 4]
    assert shops.cluster.tokens == {}


def test_failures_have_a_cause_and_the_command_that_continues(shops: Shops) -> None:
    shops.far["10.0.0.2"].faults["load"] = [CommandError("no space is left", hint="free some")]
    shops.far["10.0.0.3"].faults["dial"] = [UnreachableError("no route")]
    shops.file.write_text(DOCUMENT.replace("spec:", "spec:\n  limits: {attempts: 1}"))
    ended = shops.nodes("add")
    assert ended.status == 4
    assert "command-failed: no space is left" in ended.out
    assert "hint: free some" in ended.out
    assert "unreachable: no route" in ended.out
    assert f"edgeadm nodes add -f {shops.file} --resume" in ended.out


def test_resume_touches_only_machines_that_are_not_ready(shops: Shops) -> None:
    shops.far["10.0.0.2"].faults["load"] = [CommandError("no space is left")]
    assert shops.nodes("add").status == 4
    shops.dialer.dials.clear()
    ended = shops.nodes("add", "--resume")
    assert ended.status == 0, ended.err
    assert shops.dialer.dials == ["10.0.0.2"]
    assert len(shops.journals()) == 1
    past = read(shops.journals()[0])
    assert (past.ended, past.tokens) == (True, {})


def test_a_machine_whose_document_changed_is_touched_again(shops: Shops) -> None:
    assert shops.nodes("add").status == 0
    shops.dialer.dials.clear()
    shops.file.write_text(DOCUMENT.replace("north", "south"))
    assert shops.nodes("add", "--resume").status == 0
    assert shops.dialer.dials == ["10.0.0.2"]


def test_resume_needs_a_run(shops: Shops) -> None:
    ended = shops.nodes("add", "--resume")
    assert (ended.status, "[fleet-no-run]" in ended.err) == (3, True)


def test_two_runs_of_a_fleet_at_once_are_refused(shops: Shops) -> None:
    from edgeadm.fleet.journal import held

    with held(shops.state / "edgeadm" / "fleet" / "shops", "edgeadm nodes add"):
        ended = shops.nodes("add")
        assert (ended.status, "[fleet-locked]" in ended.err) == (8, True)
        assert shops.nodes("plan").status == 0, "a plan needs no lock"


def test_plan_changes_nothing(shops: Shops) -> None:
    shops.far["10.0.0.2"].membership = Membership("till2", "sha256:ca", active=True, complete=True)
    shops.far["10.0.0.3"].faults["dial"] = [UnreachableError("no route")] * 3
    shops.file.write_text(DOCUMENT.replace("spec:", "spec:\n  limits: {attempts: 1}"))
    for words in (("plan",), ("add", "--dry-run")):
        ended = shops.nodes(*words)
        assert ended.status == 5, ended.err
        lines = [" ".join(line.split()[i] for i in (0, 4, 5)) for line in ended.out.splitlines()]
        assert lines == [
            "NAME STANDING CHANGE",
            "till1 new join",
            "till2 joined nothing",
            "till3 unreachable -",
        ]
    assert [each.joins for each in shops.far.values()] == [0, 0, 0]
    assert shops.journals() == []


def test_limit_selects(shops: Shops) -> None:
    assert shops.nodes("add", "--limit", "tills,!till1").status == 0
    assert shops.dialer.dials == ["10.0.0.2"]
    wrong = shops.nodes("add", "--limit", "til1")
    assert (wrong.status, "did you mean `till1`?" in wrong.err) == (3, True)


@pytest.mark.parametrize("verb", ["reset", "reinstall"])
def test_reset_and_reinstall_ask(verb: str, shops: Shops) -> None:
    ended = shops.nodes(verb)
    assert (ended.status, "--yes" in ended.err) == (1, True)
    assert shops.dialer.dials == []
    for far in shops.far.values():
        far.membership = Membership("till", "sha256:ca", active=True, complete=True)
    done = shops.nodes(verb, "--yes")
    assert done.status == 0, done.err
    assert [each.resets for each in shops.far.values()] == [1, 1, 1]
    assert sorted(shops.cluster.deleted) == ["till1", "till2", "till3"]
    assert [each.joins for each in shops.far.values()] == [int(verb == "reinstall")] * 3


def test_status_reads_the_journal_and_the_cluster(shops: Shops) -> None:
    shops.nodes("add")
    shops.dialer.dials.clear()
    ended = shops.nodes("status", "-o", "json")
    assert ended.status == 0
    document = json.loads(ended.out)
    assert [(each["name"], each["state"]) for each in document["machines"]] == [
        ("till1", "ready"),
        ("till2", "ready"),
        ("till3", "ready"),
    ]
    assert document["runs"][0]["states"] == {"ready": 3}
    assert shops.dialer.dials == []


def test_events_follow_the_schema(shops: Shops) -> None:
    ended = shops.nodes("add", "-o", "jsonl")
    events = parsed(ended.out)
    states = [
        each["state"] for each in events if each["event"] == "machine-state" and each["machine"] == "till1"
    ]
    assert states == ["reachable", "checked", "loaded", "joining", "joined", "ready"]
    assert {each["step"] for each in events if each["event"] == "machine-step"} >= {
        "connect",
        "load",
        "kubelet",
    }
    assert events[-1]["result"]["counts"] == {"ready": 3}


def test_no_secret_is_in_any_output_or_journal(shops: Shops) -> None:
    shops.far["10.0.0.1"].faults["load"] = [CommandError(f"the password {PASSWORD} is wrong", hint=PASSWORD)]
    shops.far["10.0.0.2"].faults["start"] = [ValueError(f"{PASSWORD} {TOKEN_SECRET}")]
    texts = []
    for words in (("-o", "jsonl"), ("-o", "json"), ("-o", "wide"), ("--report", str(shops.state / "r.html"))):
        ended = shops.nodes("add", *words)
        texts += [ended.out, ended.err]
    texts += [path.read_text() for path in shops.journals()]
    texts.append((shops.state / "r.html").read_text())
    assert all(PASSWORD not in text and TOKEN_SECRET not in text for text in texts)
    assert {path.stat().st_mode & 0o777 for path in shops.journals()} == {0o600}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--concurrency", "0"), "invalid-config"),
        (("--max-failures", "many"), "invalid-config"),
        (("--max-unreachable", "101%"), "invalid-config"),
        (("--site-bandwidth", "fast"), "invalid-config"),
        (("--reinstalled", "till9"), "invalid-config"),
        (("--limit", "shop=west"), "fleet-selector"),
    ],
)
def test_wrong_options_are_named(words: tuple[str, str], code: str, shops: Shops) -> None:
    ended = shops.nodes("add", *words)
    assert (ended.status, f"[{code}]" in ended.err) == (3, True), ended.err
    assert shops.dialer.dials == []


def test_reinstalled_accepts_a_new_host_key_of_this_machine_only(shops: Shops) -> None:
    seen: dict[str, bool] = {}
    dial = shops.dialer.dial

    def watch(target: Any) -> Any:
        seen[target.address] = target.host_keys.reinstalled
        return dial(target)

    shops.dialer.dial = watch  # type: ignore[method-assign]
    assert shops.nodes("add", "--reinstalled", "till2").status == 0
    assert seen == {"10.0.0.1": False, "10.0.0.2": True, "10.0.0.3": False}
