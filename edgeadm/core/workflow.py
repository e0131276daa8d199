"""An ordered list of phases behind one verb of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from edgeadm.config import Config
from edgeadm.core.leaves import Leaves
from edgeadm.core.phase import Group, Phase, When
from edgeadm.errors import UnknownPhaseError


@dataclass(frozen=True)
class Step:
    """A phase and its path, such as `edge-apps/tunnel`, and the conditions of its groups and its own."""

    path: str
    phase: Phase
    conditions: tuple[When, ...] = ()

    def why_not(self, config: Config) -> str:
        """Why the phase does not apply to this configuration; empty if it does."""
        return next((reason for when in self.conditions if (reason := when(config))), "")


@dataclass(frozen=True)
class Workflow:
    """What a verb does, in order."""

    name: str
    summary: str
    members: tuple[Phase | Group, ...]

    def steps(self) -> Iterator[Step]:
        """Every phase with its path, in order."""
        return _walk(self.members)

    def leaves(self) -> Iterator[Leaves]:
        """What its phases leave on a machine, in order."""
        return (step.phase.leaves for step in self.steps())

    def names(self) -> set[str]:
        """Every name that selects something: phases and groups."""
        return {top for step in self.steps() for top in _tops(step.path)}

    def select(self, only: Iterable[str] = (), skip: Iterable[str] = ()) -> list[Step]:
        """The steps to run. A group's name selects all of its phases; skipping wins.

        Raises UnknownPhaseError with a suggestion for an unknown name.
        """
        only, skip = self._known(only), self._known(skip)
        return [
            step
            for step in self.steps()
            if (not only or _covers(only, step.path)) and not _covers(skip, step.path)
        ]

    def unknown(self, name: str, also: Iterable[str] = ()) -> UnknownPhaseError:
        """The error for a name that is not a phase; `also` are further names to guess from."""
        near = get_close_matches(name, sorted(self.names() | set(also)), n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"see `edgeadm {self.name} --help`"
        return UnknownPhaseError(f"`{name}` is not a phase of `{self.name}`", hint=hint)

    def _known(self, names: Iterable[str]) -> list[str]:
        wanted, every = list(names), self.names()
        for name in wanted:
            if name not in every:
                raise self.unknown(name)
        return wanted


def _walk(
    members: tuple[Phase | Group, ...], prefix: str = "", outer: tuple[When, ...] = ()
) -> Iterator[Step]:
    for member in members:
        path, conditions = prefix + member.name, (*outer, member.when)
        if isinstance(member, Group):
            yield from _walk(member.members, f"{path}/", conditions)
        else:
            yield Step(path, member, conditions)


def _tops(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _covers(names: list[str], path: str) -> bool:
    return any(top in names for top in _tops(path))
