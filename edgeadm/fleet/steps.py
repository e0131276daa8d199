"""The steps of a machine, which block: each runs in a thread of its own, and returns its result.

A step raises the errors of the connection and of the work. It does not change the state of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edgeadm.checks.engine import Finding
from edgeadm.cluster import Object
from edgeadm.errors import EdgeadmError, UnreachableError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.former import is_of_machine
from edgeadm.fleet.journal import Records
from edgeadm.fleet.model import Machine
from edgeadm.fleet.progress import Goal, MachineRun, Step
from edgeadm.fleet.tokens import Admission
from edgeadm.fleet.work import Action, LanSource, Loaded, Work
from edgeadm.hosts.remote import Dialer, Remote

OnProgress = Callable[[str, str, str], None]
CHANGES = (Action.JOIN, Action.REINSTALL)


class NotReachedError(Exception):
    """No connection was opened. `error` is the reason."""

    def __init__(self, error: EdgeadmError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True)
class Inspected:
    """The result of the steps INSPECT and RECOVER."""

    facts: Facts
    action: Action
    reason: str
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class Sent:
    """The result of the step LOAD."""

    loaded: Loaded
    source: LanSource | None = None


@dataclass(frozen=True)
class Steps:
    """The steps, with all that they need."""

    dialer: Dialer
    work: Work
    admission: Admission
    journal: Records
    run: str
    tell: OnProgress
    goal: Goal
    # The patch for the Node of a machine; empty if nothing has to be changed.
    patch: Callable[[Machine, Object], Object] = lambda _machine, _node: {}

    def perform(self, run: MachineRun, step: Step) -> Inspected | Sent | None:
        """Perform a step, with a new connection if there is none."""
        if step is Step.LABEL:
            self.admission.patch_node(run.name, lambda node: self.patch(run.machine, node))
            return None
        if run.remote is None:
            self.tell(run.name, "connect", "")
            try:
                run.remote = self.dialer.dial(run.machine.target)
            except EdgeadmError as error:
                raise NotReachedError(error) from error
        remote, machine = run.remote, run.machine
        if step in (Step.INSPECT, Step.RECOVER):
            return self._inspect(remote, machine, check=step is Step.INSPECT)
        assert run.facts is not None, "every machine is inspected first"  # noqa: S101
        facts, on_event = run.facts, self._events(run.name)
        self.tell(run.name, step.value, "")
        if step is Step.LOAD:
            return self._load(run, remote, facts)
        if step is Step.RESET:
            self._reset(run, remote, facts, on_event)
        elif step is Step.FOLLOW:
            self.work.follow(remote, machine, facts, on_event)
        else:
            self._join(run, remote, on_event)
        return None

    def _inspect(self, remote: Remote, machine: Machine, *, check: bool) -> Inspected:
        self.tell(machine.name, "inspect", "")
        facts = self.work.inspect(remote, machine)
        if facts.running:
            return Inspected(facts, Action.FOLLOW, f"`{facts.running}` runs on the machine")
        if self.goal is Goal.RESET:
            return Inspected(facts, Action.RESET, "")
        action, reason = self.work.action(machine, facts)
        findings: Sequence[Finding] = ()
        if check and action in CHANGES:
            self.tell(machine.name, "check", "")
            findings = self.work.check(remote, machine, facts)
        return Inspected(facts, action, reason, findings)

    def _load(self, run: MachineRun, remote: Remote, facts: Facts) -> Sent:
        """Load, then serve the files to the site; a site without a source gets them over the WAN."""
        loaded = self.work.load(remote, run.machine, facts, run.source)
        if not run.leads:
            return Sent(loaded)
        try:
            return Sent(loaded, self.work.share(remote, run.machine, facts))
        except UnreachableError:
            raise
        except EdgeadmError as error:
            self.tell(run.name, "share", error.message)
            return Sent(loaded)

    def _reset(
        self, run: MachineRun, remote: Remote, facts: Facts, on_event: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Reset the machine, then delete its Node, also that of its former name: until then, the node keeps
        working."""
        if is_used(facts):
            self.work.reset(remote, run.machine, facts, on_event)
        self.admission.delete_node(run.name)
        if not run.former:
            return
        for node in self.admission.nodes():
            if node["metadata"]["name"] == run.former and is_of_machine(node, facts):
                self.tell(run.name, "reset", f"deletes its former Node {run.former}")
                self.admission.delete_former(run.machine, node)

    def _join(self, run: MachineRun, remote: Remote, on_event: Callable[[Mapping[str, Any]], None]) -> None:
        """Join with a token of its own. Its ID is in the journal before the token exists, so that the next
        run can revoke it in any case."""
        assert run.facts is not None, "every machine is inspected first"  # noqa: S101
        if run.token:
            self.revoke(self.journal, run.token)
        run.token = self.admission.new_id()
        if run.token:
            self.journal.add(event="token", id=run.token, machine=run.name)
            self.journal.flush()
        ticket = self.admission.ticket(run.machine, run.token, self.run)
        self.work.join(remote, run.machine, run.facts, ticket, on_event)

    def revoke(self, journal: Records, token: str) -> None:
        """Revoke a token, and record it in the journal of its run. Raises ClusterAwayError."""
        self.admission.revoke(token)
        journal.add(event="revoked", id=token)
        journal.flush()

    def _events(self, name: str) -> Callable[[Mapping[str, Any]], None]:
        def on_event(event: Mapping[str, Any]) -> None:
            if event.get("event") == "phase-begin" and event.get("needed", True):
                self.tell(name, str(event.get("phase", "")), str(event.get("reason", "")))

        return on_event


def is_used(facts: Facts) -> bool:
    """Whether the machine contains a node, a part of one, or files of a fleet."""
    return facts.membership is not None or bool(facts.remains or facts.stored or facts.interrupted)


def hang_up(remote: Remote | None) -> None:
    """Close a connection, which may be lost already."""
    if remote is not None:
        with suppress(EdgeadmError, OSError):
            remote.close()
