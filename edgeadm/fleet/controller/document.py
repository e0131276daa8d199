"""The document of a Job, and its results: JSON in the ConfigMap of the Job, without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeadm.fleet.controller.runner import Told, Wanted
from edgeadm.fleet.former import is_node_name
from edgeadm.fleet.states import State

TASK, RESULTS = "task.json", "results.json"


@dataclass(frozen=True)
class Offered:
    """A package that the controller serves."""

    arch: str
    sha256: str
    size: int


@dataclass(frozen=True)
class JobDocument:
    """The work of a Job. `path` is the path of the controller's files in the API."""

    task: str
    label: str
    port: int
    endpoint: str
    ca_hash: str
    path: str
    machines: tuple[Wanted, ...]
    packages: tuple[Offered, ...]

    def text(self) -> str:
        """The document as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> JobDocument:
        """The document of a text that the controller wrote."""
        raw: dict[str, Any] = json.loads(text)
        machines = tuple(
            Wanted(**{**each, "known_keys": tuple(each["known_keys"])}) for each in raw["machines"]
        )
        packages = tuple(Offered(**each) for each in raw["packages"])
        return cls(**{**raw, "machines": machines, "packages": packages})


@dataclass(frozen=True)
class Results:
    """What a Job tells: the states of its machines, the names of Nodes to delete, because their machines were
    reset, the machines that need a token, each with a word that the answer repeats, and the former Nodes of
    machines that have a new name."""

    states: Mapping[str, Told]
    deletes: Sequence[str] = ()
    wants: Mapping[str, str] = field(default_factory=dict)
    formers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The results as JSON."""
        states = {name: asdict(each) for name, each in self.states.items()}
        fields = {
            "states": states,
            "deletes": list(self.deletes),
            "wants": dict(self.wants),
            "formers": dict(self.formers),
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def parse(cls, text: str, names: Sequence[str]) -> Results:
        """The results for machines with these names; everything else is ignored, because a node could have
        written it."""
        try:
            raw: Any = json.loads(text or "{}")
            states = {name: _told(each) for name, each in (raw.get("states") or {}).items() if name in names}
            deletes = [name for name in raw.get("deletes") or () if name in names]
            wants = {name: str(word) for name, word in (raw.get("wants") or {}).items() if name in names}
            formers = {name: old for name, old in (raw.get("formers") or {}).items() if name in names}
        except (ValueError, TypeError, AttributeError, KeyError):
            return cls({})
        return cls(states, deletes, wants, {name: old for name, old in formers.items() if is_node_name(old)})


def _told(raw: Mapping[str, Any]) -> Told:
    keys = tuple(str(each)[:2048] for each in list(raw.get("host_keys") or ())[:8])
    return Told(State(raw["state"]), str(raw.get("code", ""))[:64], str(raw.get("message", "")), keys)
