"""The plan of the end-to-end tests: `plan.toml`, one group of tests per file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FILE = HERE / "plan.toml"
TIERS = ("smoke", "usual", "all", "vm")


@dataclass(frozen=True)
class Group:
    """The tests of one file, which run in one process, in order.

    `minutes` is the measured duration, `start` the name of the saved state of the group (empty: bare nodes),
    `alone` whether no other group may run in parallel, `nice` its reduced priority.
    """

    name: str
    minutes: float
    start: str = ""
    alone: bool = False
    nice: int = 0
    tier: str = "usual"


@dataclass(frozen=True)
class Plan:
    """All groups, the longest first."""

    groups: tuple[Group, ...]

    def of(self, path: Path) -> Group:
        """The group of a test file. Raises KeyError if the plan has none."""
        return self.named(path.stem)

    def named(self, name: str) -> Group:
        """The group of that name. Raises KeyError if the plan has none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(f"{name}.py is not in {FILE.name}: add it with its minutes")

    def position(self, path: Path) -> int:
        """The position of a test file in the start order of the groups."""
        return self.groups.index(self.of(path))


def load(file: Path = FILE) -> Plan:
    """The plan in the file. Raises TypeError and ValueError for an invalid group."""
    groups = [Group(name, **_words(entry)) for name, entry in tomllib.loads(file.read_text()).items()]
    for group in groups:
        if group.tier not in TIERS:
            raise ValueError(f"{group.name}: the tier is one of {', '.join(TIERS)}, not {group.tier}")
    return Plan(tuple(sorted(groups, key=lambda group: -group.minutes)))


def _words(entry: dict[str, object]) -> dict[str, object]:
    """`from` is a word of Python."""
    return {"start" if key == "from" else key: value for key, value in entry.items()}
