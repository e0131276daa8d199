"""The course of a machine: the next step after each result, and the answer to lost connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgeadm.checks.engine import Finding, Result, with_result
from edgeadm.errors import EdgeadmError, UnreachableError
from edgeadm.fleet.errors import (
    BusyMachineError,
    ClusterAwayError,
    InterruptedRunError,
    JoinLostError,
    LostMachineError,
)
from edgeadm.fleet.events import MachineProgress
from edgeadm.fleet.messages import Done
from edgeadm.fleet.outcome import bug, failed_checks
from edgeadm.fleet.progress import LOOKING, LOOKS, Goal, MachineRun, Step
from edgeadm.fleet.states import State
from edgeadm.fleet.steps import Inspected, NotReachedError, Sent, is_used
from edgeadm.fleet.transitions import Transitions
from edgeadm.fleet.unit import Run
from edgeadm.fleet.work import Action, Loaded

# Seconds before each repetition: before a machine is changed, and after the connection to a machine was lost
# on which edgeadm runs.
BACK_OFF = (2.0, 8.0)
LOST_BACK_OFF = (2.0, 5.0, 10.0, 20.0, 30.0)
# Seconds until a machine is `waiting` after its connection was lost while edgeadm ran on it, and until it is
# after the API server stopped responding.
LOST = 600.0
AWAY = 600.0
CHANGING = (State.JOINING, State.RESETTING)


@dataclass
class Course(Transitions):
    """The decisions for one machine."""

    compared: bool = False

    @abstractmethod
    def wait_ready(self, run: MachineRun) -> None:
        """Wait until the Node of the machine is Ready."""

    # Steps that ended.

    def done(self, done: Done) -> None:
        run = done.run
        self.schedule.ended(run)
        if run.over:
            self.hang_up(run)
            return
        error = done.error
        if error is None:
            run.attempts, run.lost_since = 0, None
            self._succeeded(run, done)
        elif isinstance(error, NotReachedError | UnreachableError) and not isinstance(
            error, ClusterAwayError
        ):
            self.hang_up(run)
            self._lost(run, done.step, error)
        elif isinstance(error, ClusterAwayError):
            self._api_away(run, done.step, error)
        elif isinstance(error, InterruptedRunError) and run.state in CHANGING:
            # The machine lost power, or edgeadm was killed there: its own state decides.
            self._recover(run)
        elif isinstance(error, EdgeadmError):
            self.fail(run, error)
        else:
            self.fail(run, bug(error))

    def _succeeded(self, run: MachineRun, done: Done) -> None:
        if isinstance(done.result, Inspected):
            run.facts = done.result.facts
            # A machine that was reset in the meantime does not know its former name any more.
            run.former = self.steps.work.former(run.machine, run.facts) or run.former
            if done.step is Step.INSPECT:
                self._inspected(run, done.result)
            else:
                self._recovered(run, done.result)
        elif isinstance(done.result, Sent):
            before, now = run.loaded, done.result.loaded
            run.loaded, run.sent = Loaded(before.wan + now.wan, before.lan + now.lan), True
            self._load_all(self.sharing.loaded(run, done.result.source))
            if run.state is State.CHECKED:
                self.move(run, State.LOADED)
            self._begin_change(run)
        elif done.step is Step.LABEL:
            self.finish(run, State.READY, run.reason)
        elif run.state is State.RESETTING:
            self._reset_ended(run, done.step)
        else:
            self.move(run, State.JOINED)
            self.revocations.begin(run)
            self.hang_up(run)
            self.wait_ready(run)

    def _inspected(self, run: MachineRun, found: Inspected) -> None:
        found = self._labelled(run, found)
        run.action, run.reason, run.findings = found.action, found.reason, tuple(found.findings)
        self.move(run, State.REACHABLE, detail=found.reason)
        if found.action is not Action.FOLLOW:
            self.revocations.begin_stale(run)
        if self.goal in LOOKING:
            self.hang_up(run)
        elif found.action is Action.FOLLOW:
            self._follow_earlier(run)
        elif self.goal is Goal.RESET:
            self._reset(run)
        elif found.action is Action.NOTHING:
            self.finish(run, State.READY, found.reason)
        elif found.action is Action.LABELS:
            self.schedule.enqueue(run, Step.LABEL)
            self.hang_up(run)
            return
        if self.compared and not run.over and run.state is State.REACHABLE:
            self._compared(run, self._compare())
        elif sum(each.remote is not None for each in self.machines) > self.limits.concurrency:
            # A large fleet does not keep all connections until the comparison.
            self.hang_up(run)

    def _follow_earlier(self, run: MachineRun) -> None:
        """Follow what an earlier run started on the machine."""
        assert run.facts is not None  # noqa: S101
        resets = Run.of(run.facts.running).verb == "reset"
        if self.goal is Goal.RESET and not resets:
            error = f"`{run.facts.running}` runs on the machine"
            self.fail(run, BusyMachineError(error, hint="run the command again when it has ended"))
            return
        self.move(run, State.RESETTING if resets else State.JOINING, detail=f"follows {run.facts.running}")
        self.schedule.enqueue(run, Step.FOLLOW)

    def _reset(self, run: MachineRun) -> None:
        assert run.facts is not None  # noqa: S101
        if not is_used(run.facts) and not self._node(run.name):
            self.finish(run, State.RESET, "it is not a node")
            return
        run.action = Action.RESET
        run.reinstalls(False)
        self.move(run, State.RESETTING)
        self.schedule.enqueue(run, Step.RESET)

    def _reset_ended(self, run: MachineRun, step: Step) -> None:
        if step is Step.FOLLOW:
            self._recover(run)
        elif self.goal is Goal.RESET:
            self.finish(run, State.RESET)
        else:
            run.reinstalls(False)
            self.move(run, State.JOINING)
            self._begin_change(run)

    # The comparison of machines.

    def open_gate(self) -> None:
        """Every machine was inspected, has failed, or did not answer in time: compare the facts, and start
        the changes. Those that answer later are compared with all that are known then."""
        self.compared = True
        found = self._compare()
        for each in self.machines:
            labelled = each.action is Action.LABELS and self.goal not in LOOKING
            if each.state is State.REACHABLE and not each.over and not labelled:
                self._compared(each, found)

    def _compare(self) -> Mapping[str, Sequence[Finding]]:
        known = {each.name: (each.machine, each.facts) for each in self.machines if each.facts is not None}
        return self.cross(known, self.nodes)

    def _compared(self, run: MachineRun, found: Mapping[str, Sequence[Finding]]) -> None:
        run.findings = (*run.findings, *found.get(run.name, ()))
        failures = with_result(run.findings, Result.FAILED)
        if failures:
            self.fail(run, failed_checks(failures))
            return
        if self.goal is Goal.PLAN:
            run.over = True
            return
        self.move(run, State.CHECKED)
        if self.goal is Goal.CHECK:
            run.over = True
        elif self.sharing.may_load(run):
            self.schedule.enqueue(run, Step.LOAD)

    def _load_all(self, runs: Iterable[MachineRun]) -> None:
        for each in runs:
            self.schedule.enqueue(each, Step.LOAD)

    def over(self, run: MachineRun) -> None:
        super().over(run)
        self._load_all(self.sharing.left(run))

    # The change.

    def _begin_change(self, run: MachineRun) -> None:
        """The next step of a machine that was loaded, or whose reset has ended."""
        if run.state is State.JOINING:
            self.schedule.enqueue(run, Step.JOIN if run.sent else Step.LOAD)
        elif run.machine.reinstall or run.action is Action.REINSTALL:
            run.reinstalls(True)
            self.move(run, State.RESETTING)
            self.schedule.enqueue(run, Step.RESET)
        else:
            self.move(run, State.JOINING)
            self.schedule.enqueue(run, Step.JOIN)

    # Lost connections.

    def _lost(self, run: MachineRun, step: Step, error: BaseException) -> None:
        cause = error.error if isinstance(error, NotReachedError) else error
        assert isinstance(cause, EdgeadmError)  # noqa: S101
        if run.state in CHANGING:
            self._lost_in_change(run, cause)
            return
        run.attempts += 1
        if step is Step.LOAD:
            self._load_all(self.sharing.left(run))
        if run.attempts >= self.limits.attempts or not isinstance(cause, UnreachableError):
            self.wait(run, cause)
            return
        pause = BACK_OFF[min(run.attempts, len(BACK_OFF)) - 1]
        self.schedule.after(pause, lambda: self._again(run, step))

    def _again(self, run: MachineRun, step: Step) -> None:
        if run.over or (self.stopped and not run.begun):
            return
        if step in LOOKS or step is Step.RECOVER:
            self.schedule.start_late(run, step)
        elif step is not Step.LOAD or self.sharing.may_load(run):
            self.schedule.enqueue(run, step)

    def _lost_in_change(self, run: MachineRun, cause: EdgeadmError) -> None:
        """edgeadm continues on the machine: connect again until the deadline."""
        now = self.clock.now()
        run.lost_since = now if run.lost_since is None else run.lost_since
        if now - run.lost_since > LOST:
            told = (
                f"the connection was lost {LOST:g} s ago, while edgeadm ran on the machine: {cause.message}"
            )
            self.wait(run, LostMachineError(told, context=cause.context, hint="continue with `--resume`"))
            return
        pause = LOST_BACK_OFF[min(run.attempts, len(LOST_BACK_OFF) - 1)]
        run.attempts += 1
        self.events.append(MachineProgress(run.name, "lost", self.at(), f"connects again in {pause:g} s"))
        self.schedule.after(pause, lambda: self._recover(run))

    def _recover(self, run: MachineRun) -> None:
        self._again(run, Step.RECOVER)

    def _recovered(self, run: MachineRun, found: Inspected) -> None:
        """The machine was inspected again in the middle of its change: its own state decides."""
        if found.facts.running:
            self.schedule.enqueue(run, Step.FOLLOW)
        elif run.state is State.JOINING and found.action is Action.NOTHING:
            self._succeeded(run, Done(run, Step.JOIN))
        elif run.joins + 1 >= self.limits.attempts:
            error = f"edgeadm ended on the machine without a result, {self.limits.attempts} times"
            self.fail(run, JoinLostError(error, hint="read /var/lib/edgeadm-fleet/runs on the machine"))
        else:
            run.joins += 1
            self.schedule.enqueue(run, Step.RESET if run.state is State.RESETTING else Step.JOIN)

    def _api_away(self, run: MachineRun, step: Step, error: ClusterAwayError) -> None:
        """The API server does not respond. The machine is not the cause, and waits for it without a slot."""
        now = self.clock.now()
        run.lost_since = now if run.lost_since is None else run.lost_since
        if now - run.lost_since > AWAY:
            self.wait(run, error)
            return
        if step is not Step.LABEL:
            step = Step.RECOVER if run.state is State.RESETTING else Step.JOIN
        self.schedule.after(LOST_BACK_OFF[-1] / 3, lambda: self._again(run, step))

    def _node(self, name: str) -> bool:
        return name in self.nodes_by_name

    def _labelled(self, run: MachineRun, found: Inspected) -> Inspected:
        """The result of the inspection, with the change of labels and taints that the Node of a machine needs
        which has joined already."""
        node = self.nodes_by_name.get(run.name)
        if found.action is not Action.NOTHING or node is None or not self.steps.patch(run.machine, node):
            return found
        reason = f"labels or taints of its Node differ; {found.reason}"
        return replace(found, action=Action.LABELS, reason=reason)
