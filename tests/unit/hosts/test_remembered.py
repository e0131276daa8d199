"""A host that asks about each fact once per change."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgeadm.errors import CommandError
from edgeadm.hosts import RememberedHost, Result
from edgeadm.hosts.fake import FakeHost
from tests.counted import CountedHost

OURS, THEIRS = "/etc/edgeadm/x", "/etc/other/x"


@pytest.fixture
def counted() -> CountedHost:
    fake = FakeHost(files={OURS: b"1", THEIRS: b"1", "/srv/x": b"1"})
    fake.answers = {name: Result(out=name) for name in ("hostname", "ip", "systemctl", "rm")}
    fake.answers["false"] = Result(code=1)
    return CountedHost(fake)


def look(host: RememberedHost) -> None:
    host.read(OURS)
    host.read(THEIRS)
    host.stat("/srv/x")
    host.stat_all(["/srv/x", "/srv/none"])
    host.names("/srv")
    host.ask("hostname")
    host.ask("ip")


def test_nothing_is_asked_twice_while_nothing_changes(counted: CountedHost) -> None:
    host = RememberedHost(counted)
    look(host)
    once = counted.calls.copy()
    look(host)
    assert counted.calls == once
    assert host.read(THEIRS) == b"1"
    assert host.stat("/srv/none") is None


CHANGES: dict[str, tuple[Callable[[RememberedHost], object], dict[str, int]]] = {
    "a write": (lambda host: host.write(THEIRS, b"2"), {"read": 1, "ask": 1}),
    "a removal": (lambda host: host.remove("/srv/x"), {"stat": 1, "names": 1, "ask": 1}),
    "a command": (
        lambda host: host.run("systemctl"),
        {"read": 1, "stat": 1, "stat_all": 1, "names": 1, "ask": 1},
    ),
    "a command on files of ours": (
        lambda host: host.run("rm", "-f", OURS),
        {"read": 2, "stat": 1, "stat_all": 1, "names": 1, "ask": 1},
    ),
    "time that passed": (
        lambda host: host.forget(),
        {"read": 1, "stat": 1, "stat_all": 1, "names": 1, "ask": 1},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_only_what_it_may_have_changed_is_asked_anew(
    change: str, counted: CountedHost
) -> None:
    host = RememberedHost(counted)
    look(host)
    act, anew = CHANGES[change]
    act(host)
    counted.calls.clear()
    look(host)
    assert counted.calls == anew


def test_what_was_written_is_what_is_read(counted: CountedHost) -> None:
    host = RememberedHost(counted)
    assert host.read("/new/x") is None
    assert host.stat("/new") is None
    assert host.names("/new") == ()
    host.write("/new/x", b"2")
    assert host.read("/new/x") == b"2"
    assert host.stat("/new") is not None
    assert host.names("/new") == ("x",)


def test_a_command_that_fails_may_have_changed_something(counted: CountedHost) -> None:
    host = RememberedHost(counted)
    host.read(THEIRS)
    with pytest.raises(CommandError):
        host.run("false")
    counted.real.write(THEIRS, b"2")
    assert host.read(THEIRS) == b"2"
