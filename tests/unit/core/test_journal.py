from __future__ import annotations

import pytest

from edgeadm.core.journal import PATH, Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.restore import restore
from edgeadm.hosts import Secret
from edgeadm.hosts.base import Result
from edgeadm.hosts.fake import FakeHost


def journaled() -> tuple[FakeHost, JournaledHost]:
    host = FakeHost(answers={"rmdir": Result(), "ln": Result(), "login": Result()})
    return host, JournaledHost(host, Journal(host, "init", "node"))


def test_a_change_is_written_down_before_it_is_made() -> None:
    host, door = journaled()

    class Stops(FakeHost):
        def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
            raise KeyboardInterrupt

    door.real = Stops(files=host.files)
    with pytest.raises(KeyboardInterrupt):
        door.write("/etc/x", b"new")
    assert [(r.event, r.detail["path"]) for r in Journal(host).records()] == [("write", "/etc/x")]
    assert "/etc/x" not in host.files


def test_what_would_change_nothing_is_neither_made_nor_recorded() -> None:
    host, door = journaled()
    host.write("/etc/x", b"same", 0o600)
    door.write("/etc/x", b"same", 0o600)
    door.remove("/etc/absent")
    assert Journal(host).records() == []


@pytest.mark.parametrize("before", [None, b"the user's own"], ids=["no file", "a file of the user's"])
def test_files_go_back_to_what_they_were(before: bytes | None) -> None:
    host, door = journaled()
    if before is not None:
        host.write("/etc/x", before, 0o640)
    door.write("/etc/x", b"first")
    door.write("/etc/x", b"second")
    door.remove("/etc/x")
    restore(host, door.journal.standing())
    assert host.read("/etc/x") == before
    if before is not None:
        assert host.modes["/etc/x"] == 0o640


def test_a_line_torn_by_a_power_cut_is_dropped_and_the_next_one_stands_alone() -> None:
    host, door = journaled()
    door.journal.add("started")
    host.files[PATH] += b'{"verb": "init", "pha'
    again = Journal(host, "init", "node")
    assert again.unfinished("init", "node")
    again.add("done")
    assert [record.event for record in Journal(host).records()] == ["started", "done"]


def test_secrets_do_not_reach_the_journal() -> None:
    host, door = journaled()
    door.run("login", Secret("abcdef.0123456789abcdef"))
    assert b"0123456789abcdef" not in host.files[PATH]
    assert b"***" in host.files[PATH]


def test_ours_tells_files_that_edgeadm_wrote_until_they_are_taken_back() -> None:
    host, door = journaled()
    door.write("/etc/x", b"1")
    assert door.journal.ours("/etc/x")
    assert not door.journal.ours("/etc/y")
    door.journal.add("undone")
    assert not Journal(host).ours("/etc/x")


def test_phases_that_were_begun_are_known_until_they_are_undone() -> None:
    _, door = journaled()
    for phase, event in [
        ("a", "started"),
        ("a", "done"),
        ("b", "started"),
        ("a", "started"),
        ("b", "failed"),
    ]:
        door.journal.phase = phase
        door.journal.add(event)
    assert door.journal.begun("init", "a")
    assert door.journal.unfinished("init", "b")
    assert door.journal.times("init", "a") == 2
    door.journal.phase = "b"
    door.journal.add("undone")
    assert not door.journal.begun("init", "b")
