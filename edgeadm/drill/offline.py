"""One drill, from the first check to the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeadm.drill import verdict
from edgeadm.drill.block import Block
from edgeadm.drill.errors import NotBlockedError
from edgeadm.drill.node import EdgeNode
from edgeadm.drill.probes import Probes
from edgeadm.drill.report import Report
from edgeadm.drill.watch import Pods, Sample, Watch
from edgeadm.errors import PhaseError, UnreachableError
from edgeadm.hosts import Host

INTERVAL = 5.0
SETTLE = 15.0  # after the end: pending changes of the cluster may still stop a container
RETRIES = 6
UNITS = ("lite-apiserver", "containerd", "kubelet")  # the units that a boot starts, in order
LINES = 20  # maximum number of progress lines; at most two per minute
APART = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Drill:
    """`host` changes the node, `watch` only reads."""

    host: Host
    block: Block
    node: EdgeNode
    watch: Watch
    probes: Probes
    say: Say
    minutes: int
    restart: bool = False
    refuse: bool = False

    @property
    def seconds(self) -> int:
        return self.minutes * 60

    def run(self) -> Report:
        """Block, watch, unblock, report. Raises DrillRunningError, UnreachableError if the node is already
        offline, NotBlockedError; the block is removed in any case."""
        self.block.refuse_another()
        if not self.watch.reached():
            raise UnreachableError(
                f"the API server does not respond at {self._blocked()}: this node is already offline",
                hint="start the drill while the node is online, so that its state can be compared",
            )
        before, wanted = self._runtime(), self.watch.wanted()
        if before is None:
            raise PhaseError(
                "the container runtime does not list its containers: `ctr` failed",
                hint="see `systemctl status containerd`",
            )
        try:
            with self.block.blocking(self.node.places, self.seconds, refuse=self.refuse):
                self.say(f"the API server is blocked at {self._blocked()}")
                samples = self._watch_all()
        finally:
            lifted = self.block.until() is None
            if lifted:
                self.say("the block is removed")
        self.say(f"last check in {SETTLE:.0f} s")
        self.probes.sleep(SETTLE)
        pods = verdict.of_pods(before, wanted, samples, self._runtime())
        questions = verdict.of_questions(samples)
        blocked = tuple(map(str, self.node.places))
        return Report(self.node.name, self.minutes, blocked, self.restart, pods, questions, lifted)

    def _watch_all(self) -> list[Sample]:
        """Checks until the end of the time, with the restarts half-way."""
        samples: list[Sample] = []
        start = told = self.probes.now()
        left = list(UNITS) if self.restart else []
        while (gone := self.probes.now() - start) < self.seconds or left or not samples:
            begun = self.probes.now()
            if left and gone >= self.seconds / 2:
                self.say(f"restarting {left[0]}")
                self.host.run("systemctl", "restart", left.pop(0))
            self._check_blocked()
            samples.append(self.watch.sample())
            if begun - told >= max(APART, self.seconds / LINES):
                told = begun
                self.say(self._progress(samples[-1], gone))
            spare = min(begun + INTERVAL, start + self.seconds) - self.probes.now()
            if spare > 0 and not (left and len(left) < len(UNITS)):
                self.probes.sleep(spare)
        return samples

    def _check_blocked(self) -> None:
        place = self.watch.reached()
        if not place:
            return
        if self.block.until() is None:
            raise NotBlockedError(
                "the block was removed before the end of the drill",
                hint="`edgeadm drill lift` removes it, and so does a restart of nftables.service",
            )
        raise NotBlockedError(
            f"the API server still responds at {place}: this was no outage",
            hint="is there a proxy or a tunnel to it on this host?",
        )

    def _runtime(self) -> Pods | None:
        """The running containers; the runtime gets some time to respond."""
        for _ in range(RETRIES):
            found = self.watch.pods()
            if found is not None:
                return found
            self.probes.sleep(INTERVAL)
        return None

    def _progress(self, sample: Sample, gone: float) -> str:
        runs = (
            "the container runtime does not respond"
            if sample.pods is None
            else f"{len(sample.pods)} Pods run"
        )
        silent = [what for what, answer in sample.answers.items() if not answer]
        rest = f"silent: {', '.join(silent)}" if silent else "all services respond"
        return f"{gone / 60:.1f} of {self.minutes} min: {runs}, {rest}"

    def _blocked(self) -> str:
        return ", ".join(map(str, self.node.places))
