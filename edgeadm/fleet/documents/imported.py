"""A NodeFleet that was made from another tool's file, and the values that it does not contain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeadm.fleet.documents import node_fleet
from edgeadm.fleet.documents.faults import Faults, shown
from edgeadm.fleet.documents.forms import LONGEST_NAME, NAME
from edgeadm.fleet.documents.parts import Part

# An inventory that names so many hosts is not one.
MOST_HOSTS = 100_000
NOTE = 200
# Keys that become defaults if all machines agree.
SHARED = ("role", "via", "ssh")


@dataclass
class Imported:
    """The document in the making. Values that were not taken are noted, but never a secret."""

    source: str
    name: str = "imported"
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    machines: list[dict[str, Any]] = field(default_factory=list)
    # The text of a note, and the places that it concerns.
    noted: dict[str, list[str]] = field(default_factory=dict)

    def note(self, where: str, text: str) -> None:
        """Note a value that was not taken."""
        self.noted.setdefault(text[:NOTE], []).append(shown(where))

    @property
    def notes(self) -> list[str]:
        """One line for each note."""
        found = []
        for text, places in self.noted.items():
            every = list(dict.fromkeys(places))
            more = f" and {len(every) - 1} more" if len(every) > 1 else ""
            found.append(f"{every[0]}{more}: {text}")
        return found

    def node_name(self, given: str) -> str:
        """The name of a Node for a host: the given one if it is valid, else one that is near."""
        if NAME.test(given):
            return given
        near = re.sub(r"[^a-z0-9.]+", "-", given.lower()).strip("-.")[:LONGEST_NAME].strip("-.")
        name = near if NAME.test(near) else f"node-{len(self.machines) + 1}"
        self.note(given, f"is not a name of a Node, and is named {name}")
        return name

    def document(self) -> dict[str, Any]:
        """The NodeFleet as plain values."""
        groups = [{"name": name, **values} for name, values in self.groups.items()]
        shared = {key: self.machines[0][key] for key in SHARED if self._is_shared(key)}
        machines = [{key: each[key] for key in each if key not in shared} for each in self.machines]
        spec = without_empty({"defaults": shared, "groups": groups})
        return {
            "apiVersion": node_fleet.API,
            "kind": node_fleet.KIND,
            "metadata": {"name": self.name},
            "spec": {**spec, "machines": machines},
        }

    def _is_shared(self, key: str) -> bool:
        """Whether all machines have the same value of a key, which is then a default."""
        first = self.machines[0].get(key)
        return first is not None and all(each.get(key) == first for each in self.machines)

    def text(self) -> str:
        """The NodeFleet as YAML, with a comment for each note. Raises ConfigError for values that a NodeFleet
        cannot contain, such as an invalid address."""
        import yaml

        document, faults = self.document(), Faults()
        Part(node_fleet.NodeFleet).read(document, "", faults)
        faults.raise_if_any(self.source)
        lines = [f"# Imported from {shown(self.source)}. Add `cluster` and `packages` to `spec`."]
        lines += [f"# Not taken: {each}" for each in self.notes]
        body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
        return "\n".join(lines) + "\n" + body


def without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping without keys whose value is None or empty."""
    return {key: each for key, each in values.items() if each not in (None, "", (), [], {})}


def expanded(pattern: str) -> Iterable[str]:
    """The hosts of a pattern with ranges of Ansible: `web[01:50]`, `db[a:f]`, `n[1:9:2]`. Raises
    ValueError."""
    found = re.search(r"\[([0-9]+|[a-z]):([0-9]+|[a-z])(?::([0-9]{1,6}))?\]", pattern)
    if found is None:
        if "[" in pattern and not pattern.startswith("["):
            raise ValueError(f"the range in `{shown(pattern)}` is not of the form [01:50]")
        yield pattern
        return
    head, tail = pattern[: found.start()], pattern[found.end() :]
    for middle in _range(found[1], found[2], int(found[3] or 1)):
        for rest in expanded(tail) if tail else ("",):
            yield f"{head}{middle}{rest}"


def _range(first: str, last: str, step: int) -> Iterable[str]:
    if first.isdigit() != last.isdigit() or step < 1 or max(len(first), len(last)) > 9:
        raise ValueError(f"`[{first}:{last}]` is not a range")
    width = len(first) if first.isdigit() and first.startswith("0") else 0
    low, high = (int(first), int(last)) if first.isdigit() else (ord(first), ord(last))
    if high - low >= MOST_HOSTS:
        raise ValueError(f"`[{first}:{last}]` has more than {MOST_HOSTS} hosts")
    for number in range(low, high + 1, step):
        yield f"{number:0{width}}" if first.isdigit() else chr(number)
