"""The work on one machine: each step is a module, this one connects them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.core.run_id import new_run_id
from edgeadm.errors import EdgeadmError
from edgeadm.fleet import inspect, unit
from edgeadm.fleet.action import action_of
from edgeadm.fleet.bundle import Bundle, Bundles
from edgeadm.fleet.configuration import documents, verb_of
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.follow import Following
from edgeadm.fleet.former import former_name
from edgeadm.fleet.layout import EXECUTABLE, package_path, program_path
from edgeadm.fleet.load import is_loaded, load
from edgeadm.fleet.model import Fleet, Machine
from edgeadm.fleet.preflight import PreflightChecks
from edgeadm.fleet.record import ON_THE_NODE, differences, record
from edgeadm.fleet.share import share
from edgeadm.fleet.throttle import Throttle
from edgeadm.fleet.work import Action, LanSource, Loaded, OnEvent, Ticket
from edgeadm.hosts.base import Host
from edgeadm.hosts.remote import Remote

# The findings for a machine, through the open shell of its host.
Checks = Callable[[Host, Machine, Facts], Sequence[Finding]]


@dataclass
class MachineWork:
    """The steps for the machines of a fleet. `ca` is the hash of the CA of the cluster (`sha256:…`), empty
    before it exists; `endpoints` are HOST:PORT pairs that each machine has to reach, first the API server.
    `checks` replaces the preflight checks. May be used by several threads, for different machines."""

    fleet: Fleet
    ca: str = ""
    endpoints: tuple[str, ...] = ()
    checks: Checks | None = None
    bundles: Bundles = field(default_factory=lambda: Bundles({}))
    _throttles: dict[str, Throttle] = field(default_factory=dict)
    _findings: dict[str, Sequence[Finding]] = field(default_factory=dict)
    _following: dict[tuple[str, str], Following] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.bundles.packages:
            self.bundles = Bundles(self.fleet.packages)
        self._throttles = {name: Throttle(site.bandwidth) for name, site in self.fleet.sites.items()}

    def inspect(self, remote: Remote, machine: Machine) -> Facts:
        """The facts; the preflight checks of a machine that will change run in the same shell."""
        with remote.host() as host:
            facts = inspect.through_host(host, *self.endpoints)
            self._findings.pop(machine.name, None)
            if self._changes(machine, facts):
                self._findings[machine.name] = self._checked(host, machine, facts)
        return facts

    def action(self, machine: Machine, facts: Facts) -> tuple[Action, str]:
        # Labels and taints are those of the Node, which is compared with the document itself.
        differs = [each for each in self.differences(machine, facts) if each not in ON_THE_NODE]
        return action_of(machine, facts, self.ca, differs)

    def differences(self, machine: Machine, facts: Facts) -> Sequence[str]:
        if facts.membership is None or not facts.applied:
            return ()
        # A control plane that was created by `init` has a record without a CA, which did not exist then.
        known = str(facts.record.get("ca") or "")
        ca = self.ca if self.ca and known else known
        return differences(self._record(machine, facts, ca), facts)

    def former(self, machine: Machine, facts: Facts) -> str:
        return former_name(self.fleet, machine, facts, self.ca)

    def check(self, remote: Remote, machine: Machine, facts: Facts) -> Sequence[Finding]:
        """The findings of the checks that `inspect` ran, or of a new shell if it ran none."""
        found = self._findings.pop(machine.name, None)
        if found is not None:
            return found
        with remote.host() as host:
            return self._checked(host, machine, facts)

    def load(self, remote: Remote, machine: Machine, facts: Facts, source: LanSource | None = None) -> Loaded:
        bundle = self._bundle(machine, facts)
        return load(remote, bundle, facts, source=source, throttle=self._throttles.get(machine.site))

    def share(self, remote: Remote, machine: Machine, facts: Facts) -> LanSource | None:
        program = program_path(self._bundle(machine, facts).tree)
        return share(remote, program, machine, facts, time.monotonic())

    def join(self, remote: Remote, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        bundle = self._bundle(machine, facts)
        run = unit.Run(verb_of(ticket), new_run_id())
        unit.start(
            remote,
            run,
            program_path(bundle.tree),
            self._follow(machine, run, on_event),
            config=documents(self.fleet, machine, ticket, package_path(bundle.package.sha256)),
            record=self._record(machine, facts, ticket.ca_hash),
        )

    def follow(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        run = unit.Run.of(facts.running)
        purge = run.verb == "reset" and not machine.reinstall
        unit.follow(remote, run, self._follow(machine, run, on_event), purge=purge)

    def reset(self, remote: Remote, machine: Machine, facts: Facts, on_event: OnEvent) -> None:
        run = unit.Run("reset", new_run_id())
        following = self._follow(machine, run, on_event)
        program = self._program(remote, machine, facts)
        unit.start(remote, run, program, following, purge=not machine.reinstall)

    def _changes(self, machine: Machine, facts: Facts) -> bool:
        """Whether the machine will be loaded; a refusal is raised by `action`, not here."""
        try:
            return self.action(machine, facts)[0] in (Action.JOIN, Action.REINSTALL)
        except EdgeadmError:
            return False

    def _checked(self, host: Host, machine: Machine, facts: Facts) -> Sequence[Finding]:
        """The findings of the preflight checks. The token is created later."""
        if self.checks is not None:
            return self.checks(host, machine, facts)
        endpoint = self.fleet.cluster.endpoint or next(iter(self.endpoints), "")
        return PreflightChecks(self.fleet, self.bundles, endpoint, self.ca)(host, machine, facts)

    def _bundle(self, machine: Machine, facts: Facts) -> Bundle:
        return self.bundles.of(facts.arch, machine.role)

    def _record(self, machine: Machine, facts: Facts, ca: str) -> dict[str, Any]:
        content = self.bundles.content(facts.arch, machine.role)
        return record(self.fleet, machine, ca=ca, package=content)

    def _follow(self, machine: Machine, run: unit.Run, on_event: OnEvent) -> Following:
        """The lines of this run that were seen before, so that no event is passed twice."""
        key = machine.name, run.identifier
        known = self._following.get(key)
        if known is None:
            known = self._following[key] = Following(on_event)
        known.on_event = on_event
        return known

    def _program(self, remote: Remote, machine: Machine, facts: Facts) -> str:
        """An executable of edgeadm on the machine, which is sent if it has none."""
        trees = sorted(each.removeprefix(EXECUTABLE) for each in facts.stored if each.startswith(EXECUTABLE))
        if trees and facts.arch not in self.bundles.packages:
            return program_path(trees[0])
        bundle = self._bundle(machine, facts)
        if not is_loaded(bundle, facts.stored, only_executable=True):
            if trees:
                return program_path(trees[0])
            throttle = self._throttles.get(machine.site)
            load(remote, bundle, facts, throttle=throttle, only_executable=True)
        return program_path(bundle.tree)
