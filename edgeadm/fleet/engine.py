"""The engine: takes each machine of a run from state to state, without a barrier between machines.

All decisions are made in one thread, from messages: steps that ended, timers, Nodes of the cluster, signals.
A transition is in the journal before the engine reports it or acts on it. The only point at which machines
wait for others is the comparison of their facts, before the first machine is changed; see `open_gate`.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.cluster.conditions import is_ready
from edgeadm.config.secret import masked
from edgeadm.errors import EdgeadmError
from edgeadm.fleet.course import Course
from edgeadm.fleet.events import MachineProgress, RunNotice
from edgeadm.fleet.messages import Done, Polled, Progress, Stop
from edgeadm.fleet.outcome import exit_code, not_ready
from edgeadm.fleet.progress import LOOKING, MachineRun, Step
from edgeadm.fleet.revocation import Revoked
from edgeadm.fleet.states import State

# Seconds between two lists of Nodes.
POLL = 2.0
# Messages that the engine handles before it writes the journal.
BATCH = 200


@dataclass
class Engine(Course):
    """One run."""

    polls: bool = False

    def run(self) -> int:
        """Run to the end, and return the exit status. KeyboardInterrupt, of the second signal, leaves: steps
        are abandoned, and machines that join continue on their own."""
        try:
            for each in self.machines:
                each.since = self.started
                self.schedule.enqueue(each, Step.INSPECT)
            self._settle()
            while not self._ended():
                self._handle(self.schedule.next_message())
                for _ in range(BATCH):
                    # Messages that are there already share one write to the disk.
                    message = self.inbox.get(0)
                    if message is None:
                        break
                    self._handle(message)
                self._settle()
            if self.revocations.failures:
                count = len(self.revocations.failures)
                text = f"{count} tokens were not revoked; the next run does it, and they expire by themselves"
                self.report.handle(RunNotice(text, self.at()))
        finally:
            self.journal.flush()
            self.revocations.end([each for each in self.machines if each.state is not State.JOINING])
            for each in self.machines:
                self.hang_up(each)
        return exit_code(self.machines, interrupted=self.interrupted, looking=self.goal in LOOKING)

    def stop(self, reason: str) -> None:
        """Start nothing new. May be called by a signal handler."""
        self.inbox.put(Stop(reason))

    def left(self) -> list[MachineRun]:
        """The machines with which the run did not start, because it was stopped."""
        return [each for each in self.machines if not each.over]

    def _ended(self) -> bool:
        if self.revocations.pending:
            return False
        return all(each.over or (self.stopped and not each.begun) for each in self.machines)

    def _settle(self) -> None:
        """Write the journal, then report, then start what may start."""
        self.schedule.fire()
        if not self.compared and all(each.tried or each.over for each in self.machines):
            self.open_gate()
        self.journal.flush()
        events, self.events = self.events, []
        for each in events:
            self.report.handle(each)
        self.schedule.dispatch(not self.stopped)

    def _handle(self, message: object) -> None:
        if isinstance(message, Done):
            self.done(message)
        elif isinstance(message, Progress):
            detail = str(masked(message.detail, self.secrets))
            self.events.append(MachineProgress(message.machine, message.phase, self.at(), detail))
        elif isinstance(message, Polled):
            self._polled(message)
        elif isinstance(message, Stop):
            self.interrupted = True
            self.stop_new(message.reason)
        elif isinstance(message, Revoked):
            self.revocations.handle(message)

    def _perform(self, run: MachineRun, step: Step) -> None:
        try:
            self.inbox.put(Done(run, step, self.steps.perform(run, step)))
        except BaseException as error:  # noqa: BLE001  the engine's thread decides
            self.inbox.put(Done(run, step, error=error))

    def wait_ready(self, run: MachineRun) -> None:
        if not self.steps.admission.exists:
            self.finish(run, State.READY)
            return
        run.began_at = self.clock.now()
        if not self.polls:
            self.polls = True
            self._poll()

    def _poll(self) -> None:
        def ask() -> None:
            try:
                self.inbox.put(Polled(self.steps.admission.nodes()))
            except EdgeadmError as error:
                self.inbox.put(Polled(error=error))

        self.pool.start("nodes", ask)

    def _polled(self, polled: Polled) -> None:
        """One list of Nodes answers for all machines that wait."""
        ready = {each["metadata"]["name"] for each in polled.nodes if is_ready(each)}
        for each in self.machines:
            if each.state is not State.JOINED:
                continue
            late = self.clock.now() - each.began_at > self.limits.ready
            if each.name in ready:
                self.finish(each, State.READY)
            elif late and polled.error is not None:
                self.wait(each, polled.error)
            elif late:
                self.fail(each, not_ready(each.name, self.limits.ready))
        self.polls = any(each.state is State.JOINED for each in self.machines)
        if self.polls:
            self.schedule.after(POLL, self._poll)
