"""The work on one machine: each step is a module, this one connects them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.config.load import API, KIND
from edgeadm.core.run_id import new_run_id
from edgeadm.errors import EdgeadmError
from edgeadm.fleet import inspect, unit
from edgeadm.fleet.action import action_of
from edgeadm.fleet.bundle import Bundle, Bundles
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.follow import Following
from edgeadm.fleet.layout import EXECUTABLE, package_path, program_path
from edgeadm.fleet.load import is_loaded, load
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.record import differences, labels_of, record
from edgeadm.fleet.throttle import Throttle
from edgeadm.fleet.work import Action, LanSource, Loaded, OnEvent, Ticket
from edgeadm.hosts.base import Host
from edgeadm.hosts.remote import Remote

# The findings of the preflight checks, through the open shell of a host.
Checks = Callable[[Host, Machine, Facts], Sequence[Finding]]


def no_checks(_host: Host, _machine: Machine, _facts: Facts) -> Sequence[Finding]:
    """No preflight checks, as for `nodes status`."""
    return ()


@dataclass
class MachineWork:
    """The steps for the machines of a fleet. `ca` is the hash of the CA of the cluster (`sha256:…`), empty
    before it exists; `endpoints` are HOST:PORT pairs that each machine has to reach. May be used by several
    threads, for different machines."""

    fleet: Fleet
    ca: str = ""
    endpoints: tuple[str, ...] = ()
    checks: Checks = no_checks
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
                self._findings[machine.name] = self.checks(host, machine, facts)
        return facts

    def action(self, machine: Machine, facts: Facts) -> tuple[Action, str]:
        return action_of(machine, facts, self.ca, self.differences(machine, facts))

    def differences(self, machine: Machine, facts: Facts) -> Sequence[str]:
        if facts.membership is None or not facts.applied:
            return ()
        return differences(self._record(machine, facts), facts)

    def check(self, remote: Remote, machine: Machine, facts: Facts) -> Sequence[Finding]:
        """The findings of the checks that `inspect` ran, or of a new shell if it ran none."""
        found = self._findings.pop(machine.name, None)
        if found is not None:
            return found
        with remote.host() as host:
            return self.checks(host, machine, facts)

    def load(self, remote: Remote, machine: Machine, facts: Facts, source: LanSource | None = None) -> Loaded:
        bundle = self._bundle(machine, facts)
        return load(remote, bundle, facts, source=source, throttle=self._throttles.get(machine.site))

    def share(self, remote: Remote, machine: Machine, facts: Facts) -> LanSource | None:
        return None

    def join(self, remote: Remote, machine: Machine, facts: Facts, ticket: Ticket, on_event: OnEvent) -> None:
        bundle = self._bundle(machine, facts)
        run = unit.Run("join" if ticket.ca_hash else "init", new_run_id())
        unit.start(
            remote,
            run,
            program_path(bundle.tree),
            self._follow(machine, run, on_event),
            config=join_config(self.fleet, machine, ticket, package_path(bundle.package.sha256)),
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

    def _bundle(self, machine: Machine, facts: Facts) -> Bundle:
        return self.bundles.of(facts.arch, machine.role)

    def _record(self, machine: Machine, facts: Facts, ca: str = "") -> dict[str, Any]:
        content = self.bundles.content(facts.arch, machine.role)
        return record(self.fleet, machine, ca=ca or self.ca, package=content)

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


def join_config(fleet: Fleet, machine: Machine, ticket: Ticket, package: str) -> Mapping[str, Any]:
    """The EdgeConfiguration of a `join`, or of an `init` if the ticket has no hash of a CA."""
    config: dict[str, Any] = {"apiVersion": API, "kind": KIND, **fleet.settings, **machine.settings}
    config |= {"nodeName": machine.name, "installPkgPath": package}
    if not ticket.ca_hash:
        return config | ({"token": ticket.token} if ticket.token else {})
    config |= {
        "apiServerEndpoint": ticket.endpoint,
        "token": ticket.token,
        "discoveryTokenCaCertHash": [ticket.ca_hash],
        "nodeLabels": [f"{key}={value}" for key, value in sorted(labels_of(fleet, machine).items())],
        "registerWithTaints": list(machine.taints),
    }
    if machine.role is not Role.EDGE:
        config["enableEdge"] = config.get("enableEdge", True) if machine.role is Role.CONTROL_PLANE else False
    if machine.role is Role.CONTROL_PLANE:
        config["controlPlane"] = True
        if ticket.certificate_key:
            config["certificateKey"] = ticket.certificate_key
    return config
