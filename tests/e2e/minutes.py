"""The duration of each group of tests: a table at the end of a run, and a file for the plan."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.plan import Plan

# Names the file. Not of edgeadm's own variables, which tests do not see.
REPORT = "E2E_REPORT"
Row = dict[str, Any]


@dataclass
class Minutes:
    """The duration of each group, by its name."""

    plan: Plan
    spent: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def add(self, nodeid: str, when: str, seconds: float) -> None:
        """One step of a test; the first one's setup is the time to the first assertion of the group."""
        name = Path(nodeid.partition("::")[0]).stem
        self.spent[name] = self.spent.get(name, 0.0) + seconds
        if when == "setup":
            self.first.setdefault(name, seconds)

    def rows(self) -> list[Row]:
        """Each group that ran."""
        planned = {group.name: group for group in self.plan.groups}
        return [
            {
                "group": name,
                "minutes": round(self.spent[name] / 60, 2),
                "planned": planned[name].minutes,
                "secondsToFirst": round(self.first.get(name, 0.0), 1),
                "from": planned[name].start,
            }
            for name in self.spent
            if name in planned
        ]

    def write(self, file: Path) -> None:
        """Add the rows to the file: each stage of a run has its own groups."""
        known: list[Row] = json.loads(file.read_text()) if file.exists() else []
        here = {row["group"] for row in self.rows()}
        kept = [row for row in known if row["group"] not in here]
        file.write_text(json.dumps([*kept, *self.rows()], indent=2) + "\n")


def table(rows: list[Row]) -> list[str]:
    """The rows as a table, the longest group first."""
    lines = [f"{'group':<22}{'minutes':>8}{'planned':>9}{'first after':>13}  from"]
    for row in sorted(rows, key=lambda row: -row["minutes"]):
        first = f"{row['secondsToFirst']} s"
        minutes = f"{row['minutes']:>8}{row['planned']:>9}"
        lines.append(f"{row['group']:<22}{minutes}{first:>13}  {row['from']}".rstrip())
    return [*lines, f"{'sum':<22}{sum(row['minutes'] for row in rows):>8.2f}"]


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(json.loads(Path(sys.argv[1]).read_text()))) + "\n")
