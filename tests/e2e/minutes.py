"""How long each group of tests took: a table at the end of a run, and a file for those who keep the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.plan import Plan

# Names the file. Not of edgeadm's own variables, which tests do not see.
REPORT = "E2E_REPORT"


@dataclass
class Minutes:
    """The time that the tests of each group took, by the name of the group."""

    plan: Plan
    spent: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def add(self, nodeid: str, when: str, seconds: float) -> None:
        """One step of a test; the first one's setup is what the group takes to its first assertion."""
        name = Path(nodeid.partition("::")[0]).stem
        self.spent[name] = self.spent.get(name, 0.0) + seconds
        if when == "setup":
            self.first.setdefault(name, seconds)

    def rows(self) -> list[dict[str, object]]:
        """Each group that ran, the longest first."""
        planned = {group.name: group for group in self.plan.groups}
        names = sorted((name for name in self.spent if name in planned), key=lambda name: -self.spent[name])
        return [
            {
                "group": name,
                "minutes": round(self.spent[name] / 60, 2),
                "planned": planned[name].minutes,
                "secondsToFirst": round(self.first.get(name, 0.0), 1),
                "from": planned[name].start,
            }
            for name in names
        ]

    def table(self) -> list[str]:
        """The same for people."""
        lines = [f"{'group':<22}{'minutes':>8}{'planned':>9}{'first after':>13}  from"]
        for row in self.rows():
            first = f"{row['secondsToFirst']} s"
            minutes = f"{row['minutes']:>8}{row['planned']:>9}"
            lines.append(f"{row['group']:<22}{minutes}{first:>13}  {row['from']}".rstrip())
        total = sum(self.spent[str(row["group"])] for row in self.rows()) / 60
        return [*lines, f"{'sum':<22}{total:>8.2f}"]

    def write(self, file: Path) -> None:
        """Add the rows to the file: each stage of a run has its own groups."""
        known = json.loads(file.read_text()) if file.exists() else []
        here = {row["group"] for row in self.rows()}
        kept: Iterable[dict[str, object]] = (row for row in known if row["group"] not in here)
        file.write_text(json.dumps([*kept, *self.rows()], indent=2) + "\n")
