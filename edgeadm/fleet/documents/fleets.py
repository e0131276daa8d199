"""From a NodeFleet that was read to the Fleet that the engine runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.errors import ConfigError
from edgeadm.fleet.documents.credentials import Credentials
from edgeadm.fleet.documents.errors import DuplicateMachineError
from edgeadm.fleet.documents.faults import Faults, join, shown
from edgeadm.fleet.documents.forms import LONGEST_NAME, NAME, is_host, parsed
from edgeadm.fleet.documents.names import DEFAULT, MOST, addresses, name_of, size
from edgeadm.fleet.documents.node_fleet import (
    Common,
    Group,
    LimitsBody,
    MachineBody,
    NodeFleet,
    SiteBody,
    Spec,
    Ssh,
)
from edgeadm.fleet.documents.overlay import Merged, Targets, merged
from edgeadm.fleet.model import NO_LIMIT, ClusterAccess, Fleet, Limits, Machine, Site


@dataclass
class Builder:
    """Builds the machines of one document, and records faults that concern several of them."""

    spec: Spec
    credentials: Credentials
    faults: Faults
    salt: str = ""
    counters: Counter[int] = field(default_factory=Counter)
    cache: dict[tuple[int, ...], Merged] = field(default_factory=dict)

    def __post_init__(self) -> None:
        defaults = self.spec.defaults or Common()
        self.defaults = defaults
        self.targets = Targets(self.credentials, defaults.ssh or Ssh())
        self.groups = self._by_name(self.spec.groups or (), "spec.groups")
        self.sites = self._by_name(self.spec.sites or (), "spec.sites")

    def machines(self) -> Iterator[Machine]:
        """The machines, in the order of the document: those of sites, then those without. Raises ConfigError
        if there are too many, before any of them is built."""
        every = [
            *(self.spec.machines or ()),
            *chain(*(site.machines or () for site in self.spec.sites or ())),
        ]
        if sum(size(each if isinstance(each, str) else each.address) for each in every) > MOST:
            raise ConfigError(f"the document has more than {MOST} machines", hint="split it")
        for at, site in enumerate(self.spec.sites or ()):
            yield from self._entries(site.machines or (), f"spec.sites[{at}]", site)
        yield from self._entries(self.spec.machines or (), "spec", None)

    def _by_name(self, every: tuple[Any, ...], path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for at, each in enumerate(every):
            if each.name in found:
                self.faults.add(f"{path}[{at}].name", f"`{each.name}` occurs twice")
            found[each.name] = each
        return found

    def _entries(self, entries: tuple[Any, ...], path: str, site: SiteBody | None) -> Iterator[Machine]:
        for at, given in enumerate(entries):
            body = MachineBody(address=given) if isinstance(given, str) else given
            where = f"{path}.machines[{at}]"
            if body.name is not None and not is_host(body.address or ""):
                self.faults.add(join(where, "name"), "a range has `names`, a pattern, instead of `name`")
                continue
            for address in addresses(body.address or ""):
                machine = self._machine(body, address, site, where)
                if machine is not None:
                    yield machine

    def _machine(self, body: MachineBody, address: str, site: SiteBody | None, path: str) -> Machine | None:
        names = (*((site.groups or ()) if site else ()), *(body.groups or ()))
        for each in names:
            if each not in self.groups:
                self.faults.add(join(path, "groups"), f"there is no group `{each}` in spec.groups")
                return None
        groups = [self.groups[each] for each in dict.fromkeys(names)]
        values = self._merged(body, site, groups)
        name = body.name or self._name(values, address, site)
        if not NAME.test(name):
            text = f"the name `{shown(name)}` is not {NAME.words}"
            self.faults.add(path, f"{text} (at most {LONGEST_NAME} characters)")
            return None
        return Machine(
            name=name,
            target=self.targets.target(address, values.ssh, values.via),
            role=values.role,
            site=site.name or "" if site else "",
            groups=tuple(dict.fromkeys(names)),
            labels=values.labels,
            taints=values.taints,
            settings=values.settings,
            reinstall=bool(body.reinstall),
        )

    def _merged(self, body: MachineBody, site: SiteBody | None, groups: list[Group]) -> Merged:
        levels: list[Common] = [body, *([site] if site else []), *reversed(groups), self.defaults]
        plain = body == MachineBody(
            address=body.address, name=body.name, groups=body.groups, reinstall=body.reinstall
        )
        at = tuple(id(each) for each in (levels[1:] if plain else levels))
        if at not in self.cache:
            self.cache[at] = merged(levels)
        return self.cache[at]

    def _name(self, values: Merged, address: str, site: SiteBody | None) -> str:
        if values.names is None and parsed(address) is None and NAME.test(address):
            return address
        self.counters[values.counter] += 1
        number = self.counters[values.counter]
        return name_of(
            values.names or DEFAULT, number, address, (site.name or "") if site else "none", self.salt
        )


def fleet_of(document: NodeFleet, credentials: Credentials, faults: Faults, source: Path | None) -> Fleet:
    """The Fleet of a NodeFleet. Faults that concern several keys are recorded; credentials that cannot be
    read raise CredentialError."""
    spec, metadata = document.spec, document.metadata
    if spec is None or metadata is None:
        raise ConfigSyntaxError("the document lacks metadata or spec")
    builder = Builder(spec, credentials, faults, metadata.name or "")
    machines = tuple(builder.machines())
    cluster = spec.cluster
    return Fleet(
        name=metadata.name or "",
        machines=machines,
        cluster=ClusterAccess(
            endpoint=(cluster.endpoint or "") if cluster else "",
            kubeconfig=str(credentials.path(cluster.kubeconfig)) if cluster and cluster.kubeconfig else "",
        ),
        sites={
            name: Site(name, site.shares is not False, math.ceil(site.bandwidth or 0))
            for name, site in builder.sites.items()
        },
        packages={
            arch: each if "://" in each else str(credentials.path(each))
            for arch, each in (spec.packages or {}).items()
        },
        limits=limits_of(spec.limits),
        source=source,
    )


def limits_of(given: LimitsBody | None) -> Limits:
    """The limits, with the engine's defaults."""
    if given is None:
        return Limits()
    defaults = Limits()
    return Limits(
        concurrency=given.concurrency or defaults.concurrency,
        max_failures=given.max_failures or NO_LIMIT,
        max_unreachable=given.max_unreachable or NO_LIMIT,
        attempts=given.attempts or defaults.attempts,
        ready=given.ready_timeout or defaults.ready,
    )


def find_duplicates(machines: tuple[Machine, ...], faults: Faults) -> None:
    """Record machines with the same name, or the same address, port and jump hosts: private networks behind
    different jump hosts may have equal addresses."""
    names: dict[str, str] = {}
    places: dict[tuple[object, ...], str] = {}
    for each in machines:
        target = each.target
        place = (target.address, target.port, tuple((jump.address, jump.port) for jump in target.jumps))
        if each.name in names:
            text = f"`{each.name}` is the name of {names[each.name]} and {target.address}"
            faults.add("names", text, DuplicateMachineError)
        if place in places:
            text = f"{target.address} is the address of `{places[place]}` and `{each.name}`"
            faults.add("addresses", text, DuplicateMachineError)
        names.setdefault(each.name, target.address)
        places.setdefault(place, each.name)
