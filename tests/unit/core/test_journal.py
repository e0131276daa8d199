from __future__ import annotations

from collections.abc import Callable
from itertools import count, product

import pytest

from edgeadm.core.block import with_block
from edgeadm.core.journal import BACKUPS, PATH, STATE, Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.restore import BackupDeletedError, content_before, prune, restore, roll_back
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


def run_of(host: FakeHost, verb: str = "init", phase: str = "node") -> JournaledHost:
    """The host of another run."""
    return JournaledHost(host, Journal(host, verb, phase))


def complete(door: JournaledHost) -> None:
    door.journal.complete()


def test_each_completed_run_is_a_generation_and_all_its_records_have_the_run() -> None:
    host, door = journaled()
    door.write("/etc/x", b"1")
    complete(door)
    second = run_of(host)
    second.write("/etc/x", b"2")
    complete(second)
    found = [(r.event, r.generation, r.run) for r in Journal(host).records()]
    one, two = door.journal.run, second.journal.run
    assert found == [("write", 1, one), ("complete", 1, one), ("write", 2, two), ("complete", 2, two)]
    assert Journal(host, "init").generation == 3


def test_a_run_that_resumes_an_interrupted_one_is_of_its_generation() -> None:
    host, door = journaled()
    door.write("/etc/x", b"1")
    second = run_of(host)
    second.write("/etc/x", b"2")
    assert [r.generation for r in Journal(host).records()] == [1, 1]
    assert "backup" not in str(Journal(host).records()[1].detail), "the state before is that of the first run"


def test_another_verb_resumes_nothing() -> None:
    host, door = journaled()
    door.write("/etc/x", b"1")
    run_of(host, "upgrade").write("/etc/x", b"2")
    assert [r.generation for r in Journal(host).records()] == [1, 2]


def test_a_run_without_changes_leaves_no_record() -> None:
    host, door = journaled()
    complete(door)
    assert PATH not in host.files


OLD = (
    b'{"time": "2025", "verb": "init", "phase": "node", "event": "started"}\n'
    b'{"time": "2025", "verb": "init", "phase": "node", "event": "write", "path": "/etc/x", "before": null}\n'
)


@pytest.mark.parametrize(
    ("end", "verb", "generation"),
    [(b"done", "init", 2), (b"failed", "init", 1), (b"done", "upgrade", 2), (b"failed", "upgrade", 2)],
)
def test_a_journal_without_generations_is_the_first_one(end: bytes, verb: str, generation: int) -> None:
    line = b'{"time": "2025", "verb": "init", "phase": "node", "event": "' + end + b'"}\n'
    host = FakeHost(files={PATH: OLD + line, "/etc/x": b"old"})
    assert {(r.generation, r.run) for r in Journal(host).records()} == {(1, "")}
    assert Journal(host, verb, "node").generation == generation
    run_of(host, verb).write("/etc/x", b"new")
    assert content_before(host, Journal(host), "/etc/x", 2) == (b"old" if generation == 2 else b"new")
    restore(host, Journal(host).standing())
    assert "/etc/x" not in host.files


def generations(phase: str = "") -> FakeHost:
    """Three generations: files of the user's, changed, created, removed, and a block in a shared file. Each
    has its own phase, or this one."""
    host = FakeHost(answers={"rmdir": Result()})
    host.write("/etc/x", b"user", 0o640)
    host.write("/etc/hosts", b"user\n")
    for number in (b"1", b"2", b"3"):
        door = run_of(host, phase=phase or f"phase-{number.decode()}")
        door.write("/etc/x", number, 0o600)
        door.write("/etc/x", number * 2, 0o600)
        door.write("/etc/hosts", with_block(host.files["/etc/hosts"], number + b"\n"))
        door.write(f"/etc/new/{number.decode()}", number)
        if number == b"2":
            door.remove("/etc/new/1")
        if number == b"3":
            door.write("/etc/new/1", b"again")
        complete(door)
    host.files["/etc/hosts"] += b"user later\n"
    return host


def state(host: FakeHost) -> dict[str, tuple[bytes, int]]:
    """The files of the host without those of the journal."""
    return {
        path: (data, host.modes.get(path, 0o644))
        for path, data in host.files.items()
        if not path.startswith(STATE)
    }


def backups(host: FakeHost) -> set[str]:
    """The paths of all backups."""
    return {path for path in host.files if path.startswith(f"{BACKUPS}/")}


BLOCK_1, BLOCK_2, NO_BLOCK = (
    *(with_block(b"user\nuser later\n", each) for each in (b"1\n", b"2\n")),
    b"user\nuser later\n",
)
ORIGINAL = {"/etc/x": (b"user", 0o640), "/etc/hosts": (NO_BLOCK, 0o644)}
BEFORE = {
    1: ORIGINAL,
    2: {
        "/etc/x": (b"11", 0o600),
        "/etc/hosts": (BLOCK_1, 0o644),
        "/etc/new/1": (b"1", 0o644),
    },
    3: {"/etc/x": (b"22", 0o600), "/etc/hosts": (BLOCK_2, 0o644), "/etc/new/2": (b"2", 0o644)},
}


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_a_roll_back_restores_the_state_before_a_generation(generation: int) -> None:
    host = generations()
    roll_back(host, Journal(host, "upgrade"), generation)
    assert state(host) == BEFORE[generation]
    assert {r.generation for r in Journal(host).standing()} == set(range(1, generation))


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_the_content_before_a_generation(generation: int) -> None:
    host = generations()
    journal = Journal(host)
    known = BEFORE[generation]
    for path in ("/etc/x", "/etc/new/1", "/etc/new/2", "/etc/new/3"):
        expected = known[path][0] if path in known else None
        assert content_before(host, journal, path, generation) == expected, path
    assert content_before(host, journal, "/etc/x", 4) == b"33"


@pytest.mark.parametrize("generation", [2, 3])
def test_reset_restores_the_state_before_the_first_generation_also_after_a_roll_back(generation: int) -> None:
    host = generations()
    restore(host, Journal(host).standing())
    assert state(host) == ORIGINAL
    host = generations()
    roll_back(host, Journal(host, "upgrade"), generation)
    after = run_of(host, "upgrade")
    after.write("/etc/x", b"later")
    assert Journal(host).records()[-1].generation == 4
    restore(host, Journal(host).standing())
    assert state(host) == ORIGINAL


def test_reset_writes_no_file_of_a_generation_between() -> None:
    host = generations()
    written: list[bytes] = []

    class Watching(FakeHost):
        def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
            written.append(data)
            super().write(path, data, mode)

    watching = Watching(files=host.files, modes=host.modes, answers=host.answers)
    restore(watching, Journal(host).standing())
    assert set(written) == {b"user", NO_BLOCK}


class KilledError(BaseException):
    """SIGKILL: nothing of the program runs after it."""


class Mortal(FakeHost):
    """Dies before its n-th change, including those of the journal."""

    left: int = -1

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._live()
        super().write(path, data, mode)

    def remove(self, path: str) -> None:
        self._live()
        super().remove(path)

    def _live(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError


def upgrade(host: FakeHost) -> None:
    """A fourth generation."""
    door = run_of(host, "upgrade", "kubelet")
    door.journal.begin()
    door.write_all({"/etc/x": (b"4", 0o600), "/etc/new/4": (b"4", 0o644)})
    door.remove("/etc/new/3")
    door.write("/etc/x", b"44", 0o600)
    door.journal.end("done")
    door.journal.complete()


def copy_of(host: FakeHost, dies: int = -1) -> Mortal:
    """The same host, which dies before this change."""
    copy = Mortal(files=dict(host.files), modes=dict(host.modes), answers=host.answers)
    copy.left = dies
    return copy


def was_killed(host: Mortal, action: Callable[[FakeHost], None]) -> bool:
    """Whether the action was killed on this host, which then runs again."""
    try:
        action(host)
    except KilledError:
        return True
    finally:
        host.left = -1
    return False


def back(host: FakeHost) -> None:
    roll_back(host, Journal(host, "upgrade"), 4)


def test_a_killed_upgrade_and_a_killed_roll_back_lead_to_the_state_before() -> None:
    start = generations()
    before, done = state(start), copy_of(start)
    upgrade(done)
    for dies in count(1):
        host = copy_of(start, dies)
        if not was_killed(host, upgrade):
            break
        interrupted = copy_of(host)
        upgrade(host)
        assert state(host) == state(done), f"killed before change {dies}"
        assert {r.generation for r in Journal(host).records()[-2:]} == {4}
        for reverted, again in product((interrupted, host), range(1, 5)):
            undone = copy_of(reverted, again)
            was_killed(undone, back)
            back(undone)
            assert state(undone) == before, f"killed before change {dies}, and {again} of the roll-back"
            restore(undone, Journal(undone).standing())
            assert state(undone) == ORIGINAL
    assert dies > 8


def test_a_complete_run_keeps_only_the_backups_of_reset_and_of_its_own_generation() -> None:
    host = generations("node")
    before = backups(host)
    prune(Journal(host, "init"))
    assert len(backups(host)) < len(before)
    assert {host.files[path] for path in backups(host)} == {
        b"user",
        b"user\n",
        b"22",
        with_block(b"user\n", b"2\n"),
    }
    again = backups(host)
    prune(Journal(host, "init"))
    assert backups(host) == again


def test_after_a_prune_reset_and_the_roll_back_of_the_latest_generation_work() -> None:
    host = generations("node")
    prune(Journal(host, "init"))
    undone = copy_of(host)
    roll_back(undone, Journal(undone, "upgrade"), 3)
    assert state(undone) == BEFORE[3]
    restore(undone, Journal(undone).standing())
    assert state(undone) == ORIGINAL
    restore(host, Journal(host).standing())
    assert state(host) == ORIGINAL


def test_the_first_backup_of_each_phase_stays_because_a_phase_can_be_reverted_alone() -> None:
    host = generations()
    prune(Journal(host, "init"))
    Journal(host, "init").undone_all("phase-1")
    restore(host, Journal(host).standing())
    assert host.files["/etc/x"] == b"11"


def test_a_generation_whose_backups_were_deleted_is_not_reverted_in_part() -> None:
    host = generations("node")
    prune(Journal(host, "init"))
    before = dict(host.files)
    with pytest.raises(BackupDeletedError) as failed:
        roll_back(host, Journal(host, "upgrade"), 2)
    assert failed.value.hint
    assert host.files == before


def test_a_prune_that_is_killed_is_finished_by_the_next_and_deletes_no_other_file() -> None:
    start = generations("node")
    start.write(f"{BACKUPS}/of-the-user", b"kept")
    done = copy_of(start)
    prune(Journal(done, "init"))
    assert done.files[f"{BACKUPS}/of-the-user"] == b"kept"
    for dies in count(1):
        host = copy_of(start, dies)
        if not was_killed(host, lambda each: prune(Journal(each, "init"))):
            break
        undone = copy_of(host)
        roll_back(undone, Journal(undone, "upgrade"), 3)
        assert state(undone) == BEFORE[3], f"killed before change {dies}"
        prune(Journal(host, "init"))
        assert host.files == done.files
    assert dies > 1
