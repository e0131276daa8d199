"""The journals of runs, the lock of a fleet, and the tokens of machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from edgeadm.cluster.access import Access
from edgeadm.cluster.fake import FakeCluster
from edgeadm.cluster.kubeconfig import Kubeconfig
from edgeadm.fleet.apply import patch
from edgeadm.fleet.errors import ClusterAwayError, FleetLockedError, RunJournalError
from edgeadm.fleet.journal import KEPT, create, folder_of, forget, held, read, reopen, runs
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.states import State
from edgeadm.fleet.tokens import ClusterAdmission
from edgeadm.kubeadm import tokens
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.fake_fleet import machine

HEADER = {"fleet": "shops", "verb": "add", "document": "0", "machines": {"till1": "a", "till2": "b"}}


def test_a_journal_is_read_back(tmp_path: Path) -> None:
    journal = create(tmp_path, "run-1", **HEADER)
    journal.add(event="machine", machine="till1", before="joined", state="ready")
    journal.add(event="machine", machine="till2", before="resetting", state="joining")
    journal.add(event="token", id="abcdef", machine="till1")
    journal.add(event="token", id="ghijkl", machine="till2")
    journal.add(event="revoked", id="abcdef")
    journal.flush()
    past = read(journal.path)
    assert (past.run, past.fleet, past.verb, past.ended) == ("run-1", "shops", "add", False)
    assert (past.state("till1"), past.state("till2"), past.state("till3")) == ("ready", "joining", "known")
    assert (past.tokens, past.reset) == ({"ghijkl": "till2"}, {"till2"})
    assert past.as_dict()["states"] == {State.READY: 1, State.JOINING: 1}
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_line_that_was_cut_off_is_ignored_and_removed(tmp_path: Path) -> None:
    journal = create(tmp_path, "run-1", **HEADER)
    with journal.path.open("a") as file:
        file.write('{"event": "machine", "machine": "till1", "st')
    assert read(journal.path).state("till1") is State.KNOWN
    again = reopen(journal.path, **HEADER)
    again.add(event="machine", machine="till1", state="ready")
    again.flush()
    assert read(journal.path).state("till1") is State.READY


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    journal = create(tmp_path, "run-1", **HEADER)
    journal.path.write_text("}\n" + journal.path.read_text())
    with pytest.raises(RunJournalError):
        read(journal.path)


def test_runs_are_listed_from_the_newest(tmp_path: Path) -> None:
    for name in ("run-1", "run-3", "run-2"):
        create(tmp_path, name, **HEADER)
    assert [each.stem for each in runs(tmp_path)] == ["run-3", "run-2", "run-1"]
    assert runs(tmp_path / "none") == []


def test_old_runs_are_deleted_unless_their_tokens_may_exist(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        journal = create(tmp_path, f"run-{number:03}", **HEADER)
        if number == 1:
            journal.add(event="token", id="abcdef", machine="till1")
            journal.flush()
    forget([read(each) for each in runs(tmp_path)])
    names = [each.stem for each in runs(tmp_path)]
    assert len(names) == KEPT + 1
    assert names[-2:] == ["run-003", "run-001"]


@pytest.mark.parametrize("name", ["..", ".", "../../etc", "a/b", "shops\n"])
def test_no_name_of_a_fleet_leaves_the_directory(name: str, tmp_path: Path) -> None:
    assert folder_of(name, tmp_path).resolve().parent == tmp_path.resolve()


def test_the_lock_of_a_fleet_is_refused_to_a_second_run(tmp_path: Path) -> None:
    with held(tmp_path / "shops", "one"):
        with pytest.raises(FleetLockedError) as caught, held(tmp_path / "shops", "other"):
            pass
        assert "one" in caught.value.context
        with held(tmp_path / "others", "other"):
            pass
    with held(tmp_path / "shops", "again"):
        pass


def test_a_journal_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunJournalError), held(tmp_path / "file" / "shops", "add"):
        pass


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def admission(cluster: FakeCluster) -> ClusterAdmission:
    ca = authority()[0]
    kubeconfig = Kubeconfig("https://10.0.0.11:6443", ca, context="admin")
    return ClusterAdmission(Access("admin.conf", cluster, lambda _path: None, kubeconfig), now=lambda: NOW)


def test_a_token_is_for_one_machine_and_fifteen_minutes() -> None:
    cluster = FakeCluster()
    admits = admission(cluster)
    ticket = admits.ticket(machine(1), admits.new_id(), "run-1")
    (token,) = tokens.every(cluster)
    assert (ticket.endpoint, ticket.ca_hash) == ("10.0.0.11:6443", discovery_hash(authority()[0]))
    assert ticket.token == token.token
    assert token.expires is not None
    assert token.expires - NOW <= timedelta(minutes=15)
    assert token.description == "edgeadm fleet run run-1 machine edge1"
    assert str(ticket.token) not in repr(ticket)
    admits.revoke(token.token_id)
    admits.revoke(token.token_id)
    assert tokens.every(cluster) == []


def test_an_api_server_that_does_not_respond_is_not_the_fault_of_a_machine() -> None:
    cluster = FakeCluster(down=True)
    for ask in (
        lambda: admission(cluster).ticket(machine(1), "abcdef", "run-1"),
        lambda: admission(cluster).revoke("abcdef"),
        lambda: admission(cluster).nodes(),
        lambda: admission(cluster).delete_node("edge1"),
        lambda: admission(cluster).delete_former(machine(1), {"metadata": {"name": "old"}}),
        lambda: admission(cluster).patch_node("edge1", lambda node: node),
    ):
        with pytest.raises(ClusterAwayError):
            ask()


def test_a_node_is_patched_by_its_current_state() -> None:
    cluster = FakeCluster()
    cluster.objects["v1", "Node", "", "edge1"] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "edge1", "labels": {"site": "a"}},
    }
    document = Fleet("shops", (machine(1, labels={"site": "b"}),))
    for name in ("edge1", "gone"):
        admission(cluster).patch_node(name, partial(patch, document, document.machines[0]))
    node = cluster.get("v1", "Node", "edge1")
    assert node is not None
    assert node["metadata"]["labels"] == {"site": "b"}
    assert patch(document, document.machines[0], node) == {}
