"""The checks between machines as the engine calls them: again and again, with more machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgeadm.checks.engine import Finding
from edgeadm.cluster import Object
from edgeadm.fleet.cross import cross_check_one
from edgeadm.fleet.crowd import Around, Crowd
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine


@dataclass
class CrossChecker:
    """Compares machines that are new, or have new facts, with all known ones. The findings of earlier calls
    remain: a machine that is late never makes an earlier one fail. Not safe for threads."""

    around: Around = field(default_factory=Around)
    _crowd: Crowd | None = None
    _facts: dict[str, Facts] = field(default_factory=dict)
    _found: dict[str, Sequence[Finding]] = field(default_factory=dict)

    def __call__(
        self, known: Mapping[str, tuple[Machine, Facts]], nodes: Sequence[Object]
    ) -> Mapping[str, Sequence[Finding]]:
        """The warnings and failures of each machine, by name; machines without findings are left out."""
        crowd = self._crowd = self._crowd or Crowd(self.around)
        crowd.see(nodes)
        new = [each for each in known.values() if self._facts.get(each[0].name) is not each[1]]
        for machine, facts in new:
            crowd.add(machine, facts)
            self._facts[machine.name] = facts
        for machine, _ in new:
            self._found[machine.name] = cross_check_one(crowd, machine.name)
        return {machine.name: found for machine, _ in known.values() if (found := self._found[machine.name])}
