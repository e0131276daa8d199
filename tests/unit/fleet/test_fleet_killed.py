"""The engine is killed at every line of its journal, and in the middle of steps; then the run is resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgeadm.fleet.facts import Membership
from edgeadm.fleet.journal import RunJournal, folder_of, read, runs
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.progress import Goal
from edgeadm.fleet.run import Opened, Order, Parts, engine_of, opened, run
from tests.fake_fleet import FakeDialer, FakeWork, Far, Inline, Kept, PowerCutError, Time, World, machine


@dataclass
class Killer:
    """Kills the engine at one point: `line` is the number of a line of the journal, `how` tells whether it is
    torn or whole; `step` is a point in the middle of a step."""

    line: int = -1
    how: str = ""
    step: str = ""
    lines: int = 0
    dead: bool = False

    def at(self, step: str) -> None:
        """A point in the middle of a step."""
        if self.dead or step == self.step:
            self.dead = True
            raise PowerCutError


@dataclass
class Mortal(RunJournal):
    """A journal that ends when the engine is killed."""

    killer: Killer = field(default_factory=Killer)

    def flush(self) -> None:
        if self.killer.dead:
            raise PowerCutError
        lines, self._lines = self._lines, []
        for line in lines:
            with self.path.open("a") as file:
                self.killer.lines += 1
                if self.killer.lines == self.killer.line:
                    self.killer.dead = True
                    file.write(line[: len(line) // 2] if self.killer.how == "torn" else f"{line}\n")
                    raise PowerCutError
                file.write(f"{line}\n")


@dataclass
class MortalWork(FakeWork):
    """Steps in which the engine may be killed. A unit that was started continues on its machine."""

    killer: Killer = field(default_factory=Killer)

    def load(self, *args: Any, **more: Any) -> Any:
        self.killer.at("before load")
        loaded = super().load(*args, **more)
        self.killer.at("after load")
        return loaded

    def reset(self, *args: Any) -> None:
        self.killer.at("before reset")
        super().reset(*args)
        self.killer.at("after reset")

    def _end(self, far: Far, machine: Any, on_event: Any) -> None:
        self.killer.at(f"unit of {machine.name}")
        super()._end(far, machine, on_event)
        self.killer.at(f"after join of {machine.name}")


@dataclass
class Fleet4:
    """Three new machines and one that is reinstalled, which survive the engine."""

    folder: Path
    world: World = field(init=False)
    run_id: int = 0

    def __post_init__(self) -> None:
        old = Far(membership=Membership("edge4", "sha256:ca", active=True, complete=True))
        self.world = World(
            [*(machine(each) for each in (1, 2, 3)), machine(4, reinstall=True)], {"edge4": old}
        )
        self.world.cluster.ready["edge4"] = True

    def go(self, killer: Killer, *, resume: bool) -> int:
        """A run of an engine, until it ends or is killed."""
        self.run_id += 1
        fleet = Fleet("shops", tuple(self.world.machines))
        order = Order("add", Goal.ADD, fleet, fleet.machines, f"run-{self.run_id}", resume)
        with opened(order, self.folder) as given:
            journal = Mortal(Path(given.journal.name), killer=killer)
            mine = Opened(order, journal, given.machines, given.done, given.tokens, given.run)
            cluster = self.world.cluster
            ticket, revoke = cluster.ticket, cluster.revoke

            def mortal_ticket(*args: Any) -> Any:
                killer.at("before ticket")
                made = ticket(*args)
                killer.at("after ticket")
                return made

            def mortal_revoke(token: str) -> None:
                killer.at("before revocation")
                revoke(token)

            cluster.ticket, cluster.revoke = mortal_ticket, mortal_revoke  # type: ignore[method-assign]
            time = Time()
            dialer = FakeDialer({each.address: self.world.far[each.name] for each in self.world.machines})
            self.world.dialer = dialer
            work = MortalWork(cluster, killer=killer)
            parts = Parts(dialer, work, cluster, lambda _known, _nodes: {}, time.clock, Inline(), time)
            try:
                report = Kept()
                return run(mine, engine_of(mine, parts, report), report).exit_code
            finally:
                cluster.ticket, cluster.revoke = ticket, revoke  # type: ignore[method-assign]

    def check(self, where: object) -> None:
        """No machine was joined twice, none was forgotten, no token is left."""
        assert [self.world.far[f"edge{each}"].joins for each in (1, 2, 3, 4)] == [1, 1, 1, 1], where
        assert self.world.far["edge4"].resets == 1, where
        assert self.world.cluster.tokens == {}, where
        past = read(runs(folder_of("shops", self.folder))[0])
        assert {past.state(each.name).value for each in self.world.machines} == {"ready"}, where
        assert past.tokens == {}, where

    def resume(self, where: object) -> None:
        """Resume after the engine was killed; if it died before its first line, start again."""
        assert self.go(Killer(), resume=True) == 0, where
        self.check(where)
        self.world.dialer.dials.clear()
        assert self.go(Killer(), resume=True) == 0, where
        assert self.world.dialer.dials == [], where


def lines_of_a_run(folder: Path) -> int:
    killer = Killer()
    assert Fleet4(folder).go(killer, resume=False) == 0
    return killer.lines


def test_a_run_that_was_killed_at_any_line_is_resumed(tmp_path: Path) -> None:
    lines = lines_of_a_run(tmp_path / "whole")
    assert lines > 30
    for line in range(1, lines + 1):
        for how in ("torn", "whole"):
            fleet = Fleet4(tmp_path / f"{line}-{how}")
            with pytest.raises(PowerCutError):
                fleet.go(Killer(line, how), resume=False)
            fleet.resume((line, how))


STEPS = (
    *("before load", "after load", "before reset", "after reset", "before ticket", "after ticket"),
    *("before revocation", "unit of edge2", "after join of edge2", "unit of edge4", "after join of edge4"),
)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_was_killed_in_a_step_is_resumed(step: str, tmp_path: Path) -> None:
    fleet = Fleet4(tmp_path)
    with pytest.raises(PowerCutError):
        fleet.go(Killer(step=step), resume=False)
    if step.startswith("after reset"):
        # The machine is not a node any more, and its Node still exists.
        assert fleet.world.far["edge4"].membership is None
    fleet.resume(step)


def test_a_new_run_revokes_the_tokens_of_a_killed_one(tmp_path: Path) -> None:
    fleet = Fleet4(tmp_path)
    with pytest.raises(PowerCutError):
        fleet.go(Killer(step="after ticket"), resume=False)
    assert len(fleet.world.cluster.tokens) == 1
    assert fleet.go(Killer(), resume=False) == 0
    assert fleet.world.cluster.tokens == {}
    assert all(read(each).tokens == {} for each in runs(folder_of("shops", tmp_path)))
