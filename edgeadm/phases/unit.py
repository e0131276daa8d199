"""The base of phases that install systemd units."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts.units import not_ready
from edgeadm.node.files import Files, difference
from edgeadm.node.membership import cluster_facts
from edgeadm.node.units import start_at_boot


@dataclass(frozen=True)
class UnitPhase(Phase):
    """Writes files, enables systemd units, and starts them. A subclass sets `at_boot` and `done`, and defines
    `files`; all other methods are hooks that may stay as they are."""

    # The units that start at each boot, in start order.
    at_boot: ClassVar[tuple[str, ...]] = ()
    # Those of them that need not be running now.
    resting: ClassVar[tuple[str, ...]] = ()
    # The reason why nothing has to be done.
    done: ClassVar[str] = "its units run"
    # The end of the reason after an interrupted run.
    cut_off: ClassVar[str] = "before its units ran"

    @abstractmethod
    def files(self, ctx: Context) -> Files:
        """Path → content and mode, including the units' files."""

    def units(self, ctx: Context) -> tuple[str, ...]:  # noqa: ARG002
        """Those of `at_boot` that this host gets."""
        return self.at_boot

    def superfluous(self, ctx: Context) -> str:  # noqa: ARG002
        """The reason why this host does not get the units; empty if it does."""
        return ""

    def unknown(self, ctx: Context) -> str:  # noqa: ARG002
        """The reason why the files cannot be determined yet; empty if they can."""
        return ""

    def ready(self, ctx: Context) -> str:  # noqa: ARG002
        """The text of `done`, or one that depends on the host."""
        return self.done

    def fault(self, ctx: Context) -> str:  # noqa: ARG002
        """A fault while all units run, as text; empty if there is none."""
        return ""

    def prepare(self, ctx: Context) -> None:
        """Called after the files are written, before the units are enabled."""

    def start(self, ctx: Context) -> None:
        """Start the units, and wait until they work."""
        ctx.host.run("systemctl", "restart", *self.units(ctx))

    def check(self, ctx: Context) -> Verdict:
        if reason := self.superfluous(ctx):
            return Verdict(needed=False, reason=reason)
        if reason := self.unknown(ctx) or difference(ctx, self.files(ctx)):
            return Verdict(needed=True, reason=reason)
        if ctx.interrupted:
            return Verdict(needed=True, reason=f"an earlier run was cut off {self.cut_off}")
        reason = not_ready(ctx.host, *self.units(ctx), resting=self.resting) or self.fault(ctx)
        return Verdict(needed=bool(reason), reason=reason or self.ready(ctx))

    def apply(self, ctx: Context) -> None:
        if self.superfluous(ctx):
            return
        ctx.host.write_all(self.files(ctx))
        self.prepare(ctx)
        start_at_boot(ctx, *self.units(ctx))
        self.start(ctx)


@dataclass(frozen=True)
class EdgeUnit(UnitPhase):
    """The base of phases whose units depend on the cluster of an edge node."""

    def unknown(self, ctx: Context) -> str:
        return "" if cluster_facts(ctx) is not None else "the cluster has not been discovered yet"
