"""Machines of a site that share a LAN: one of them receives the files over the WAN, and serves the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgeadm.clock import Clock
from edgeadm.fleet.model import Role, Site
from edgeadm.fleet.progress import MachineRun
from edgeadm.fleet.work import LanSource

# Seconds that a source must still serve to be given to another machine.
SPARE = 30.0
Key = tuple[str, Role, str]


@dataclass
class Circle:
    """The machines of a site that need the same files. `lead` receives them over the WAN."""

    lead: MachineRun | None = None
    source: LanSource | None = None
    waiting: list[MachineRun] = field(default_factory=list)


@dataclass
class Sharing:
    """Decides where each machine gets its files. Used by the engine's thread only."""

    sites: Mapping[str, Site]
    machines: Sequence[MachineRun]
    clock: Clock
    _circles: dict[Key, Circle] = field(default_factory=dict)

    def may_load(self, run: MachineRun) -> bool:
        """Whether the machine may load now, from its `source` or over the WAN; otherwise it waits until the
        files are in its site, and `left` or `loaded` returns it."""
        circle = self._circle(run)
        if circle is None:
            return True
        if circle.source is not None and circle.source.until - self.clock.now() > SPARE:
            run.source = circle.source
            return True
        if circle.lead is not None and circle.lead is not run:
            circle.waiting.append(run)
            return False
        circle.lead, circle.source = run, None
        run.leads = any(each is not run and not each.over for each in self._mates(run))
        return True

    def loaded(self, run: MachineRun, source: LanSource | None) -> list[MachineRun]:
        """The machine has its files, and serves them if there is a source: the machines that may load now."""
        circle = self._circle(run)
        if circle is None or circle.lead is not run:
            return []
        circle.lead, circle.source = None, source
        waiting, circle.waiting = circle.waiting, []
        for each in waiting:
            each.source = source
        return waiting

    def left(self, run: MachineRun) -> list[MachineRun]:
        """The machine has failed, or its connection was lost: the machine that may load in its place."""
        circle = self._circle(run)
        if circle is None:
            return []
        if run in circle.waiting:
            circle.waiting.remove(run)
        if circle.lead is not run:
            return []
        circle.lead = None
        if not circle.waiting:
            return []
        following = circle.waiting.pop(0)
        self.may_load(following)
        return [following]

    def _circle(self, run: MachineRun) -> Circle | None:
        site = self.sites.get(run.machine.site)
        if site is None or not site.shares or run.facts is None:
            return None
        return self._circles.setdefault((site.name, run.machine.role, run.facts.arch), Circle())

    def _mates(self, run: MachineRun) -> list[MachineRun]:
        mine = run.machine
        return [
            each for each in self.machines if (each.machine.site, each.machine.role) == (mine.site, mine.role)
        ]
