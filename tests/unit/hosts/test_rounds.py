"""Code that asks a host one question after the other, in a few round trips."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from edgeadm.config import Config, JoinFlags
from edgeadm.fleet.model import Role
from edgeadm.fleet.preflight import findings
from edgeadm.hosts import Host, PassingHost, Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.rounds import Prefetching, in_rounds
from tests import crowds
from tests.counted import CountedHost
from tests.machine import Machine


class FarHost(PassingHost):
    """A host that counts its round trips: one for each message."""

    def __init__(self, real: Host) -> None:
        super().__init__(real)
        self.trips = 0
        self.ready: set[tuple[str, ...]] = set()

    def prefetch(
        self,
        asks: Iterable[tuple[str, ...]] = (),
        reads: Iterable[str] = (),
        stats: Iterable[tuple[str, ...]] = (),
        names: Iterable[str] = (),
    ) -> None:
        self.trips += 1
        self.ready |= {("ask", *argv) for argv in asks} | {("read", path) for path in reads}
        self.ready |= {("stat", *paths) for paths in stats} | {("names", path) for path in names}

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        self._trip("ask", *argv)
        return super().ask(*argv, stdin=stdin, timeout=timeout)

    def read(self, path: str) -> bytes | None:
        self._trip("read", path)
        return super().read(path)

    def stat_all(self, paths: Iterable[str]) -> dict[str, object]:  # type: ignore[override]
        wanted = tuple(paths)
        self._trip("stat", *wanted)
        return dict(super().stat_all(wanted))

    def names(self, path: str) -> tuple[str, ...]:
        self._trip("names", path)
        return super().names(path)

    def _trip(self, *key: str) -> None:
        if key in self.ready:
            self.ready.remove(key)
        else:
            self.trips += 1


def chain(host: Host) -> list[object]:
    """Asks for a file whose name is in a file whose name is in a file."""
    one = (host.read("/1") or b"").decode()
    two = (host.read(one) or b"").decode()
    return [two, host.read(two), host.names("/d"), host.stat("/1") is not None, host.ask("id").out]


def test_the_result_is_that_of_direct_questions() -> None:
    fake = FakeHost(
        files={"/1": b"/2", "/2": b"/3", "/3": b"end", "/d/x": b""}, answers={"id": Result(out="0")}
    )
    far = FarHost(fake)
    assert isinstance(far, Prefetching)
    assert in_rounds(far, chain) == chain(fake) == ["/3", b"end", ("x",), True, "0"]
    assert far.trips == 3
    assert fake.asked == ["id", "id"]


def test_a_host_that_cannot_prefetch_is_asked_directly() -> None:
    counted = CountedHost(FakeHost(files={"/1": b"/2"}, answers={"id": Result()}))
    in_rounds(counted, lambda host: [host.read("/1"), host.read("/1"), host.ask("id")])
    assert counted.calls == {"read": 1, "ask": 1}


def test_exceptions_count_only_if_every_answer_is_known() -> None:
    def strict(host: Host) -> int:
        return int(host.ask("nproc").out)

    assert in_rounds(FarHost(FakeHost(answers={"nproc": Result(out="4\n")})), strict) == 4
    with pytest.raises(ValueError, match="invalid literal"):
        in_rounds(FarHost(FakeHost(answers={"nproc": Result(out="many")})), strict)


def test_the_answer_of_another_time_is_not_waited_for() -> None:
    """Code whose questions never end is asked directly after some rounds."""
    count = iter(range(1000))
    far = FarHost(FakeHost())
    assert in_rounds(far, lambda host: host.read(f"/{next(count)}")) is None
    assert far.trips <= 21


@pytest.mark.parametrize("role", [Role.EDGE, Role.WORKER, Role.CONTROL_PLANE])
@pytest.mark.parametrize("packed", [True, False], ids=["package", "without"])
def test_all_preflight_checks_take_a_few_round_trips(role: Role, packed: bool, tmp_path: Path) -> None:
    machine = Machine(tmp_path, role=role.value)
    package = machine.package if packed else None
    joins = JoinFlags(api_server_endpoint="10.0.0.11:6443")
    config = Config() if role is Role.CONTROL_PLANE else Config(join=joins)
    for files in (
        {},
        {"/proc/swaps": b"Filename Type\n/dev/sda3 x\n", "/var/lib/etcd/x": b"", "/usr/sbin/y": b""},
    ):
        machine.host.files |= files
        far, near = FarHost(machine.host), machine.host
        document = crowds.machine(1, role=role)
        found = [findings(host, document, config, package, crowds.facts(1)) for host in (far, near)]
        assert found[0] == found[1]
        assert far.trips <= 5
