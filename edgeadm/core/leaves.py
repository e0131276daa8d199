"""The inventory of phases on a host besides the files in the journal, from which `edgeadm reset` is
computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Unit:
    """A systemd unit, owned by edgeadm if edgeadm wrote its file.

    Reset stops units by ascending `stops`; among equal ones, the unit that started last stops first.
    """

    name: str
    file: str
    stops: int = 0


@dataclass(frozen=True)
class Leaves:
    """The inventory of one phase and of the programs that it starts.

    `links` are network interfaces, `tables` those of nftables as `family name`. `places` are files and
    directories that programs write by themselves: reset removes them unless they were not empty before
    edgeadm. `shared` are directories that other programs use as well: reset removes them only if they are
    empty. `sysctls` are kernel parameters to restore, `profiles` AppArmor profiles to unload. The places of a
    phase with units are removed if edgeadm wrote one of these units, those of a phase without units if
    kubeadm ran.
    """

    units: tuple[Unit, ...] = ()
    links: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    sysctls: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """The inventory of all phases, in the order in which they run."""

    every: tuple[Leaves, ...] = ()

    @property
    def units(self) -> tuple[Unit, ...]:
        """In stop order."""
        last_first = list(_once(each.units for each in self.every))[::-1]
        return tuple(sorted(last_first, key=lambda unit: unit.stops))

    @property
    def links(self) -> tuple[str, ...]:
        return _once(each.links for each in self.every)

    @property
    def tables(self) -> tuple[str, ...]:
        return _once(each.tables for each in self.every)

    @property
    def places(self) -> tuple[str, ...]:
        return _once(each.places for each in self.every)

    @property
    def shared(self) -> tuple[str, ...]:
        """Inner directories first."""
        found = _once(each.shared for each in self.every)
        return tuple(sorted(found, key=lambda path: -path.count("/")))

    @property
    def sysctls(self) -> tuple[str, ...]:
        return _once(each.sysctls for each in self.every)

    @property
    def profiles(self) -> tuple[str, ...]:
        return _once(each.profiles for each in self.every)


def _once(groups: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(groups)))
