from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.hosts import facts
from edgeadm.phases import before


@dataclass(frozen=True)
class RestoreKernel:
    """Gives kernel parameters the values that the journal kept. Modules stay loaded: another program may use
    them by now."""

    name: str = "kernel"
    summary: str = "give kernel parameters their earlier values"

    def check(self, ctx: Context) -> Verdict:
        changed = _changed(ctx)
        if not changed:
            return Verdict(needed=False, reason="kernel parameters are as they were")
        return Verdict(needed=True, reason=f"to set back: {', '.join(changed)}")

    def apply(self, ctx: Context) -> None:
        for _ in range(2):  # `ip_forward` takes others along
            for name, value in _changed(ctx).items():
                ctx.host.run("sysctl", "-q", "-w", f"{name}={value}")

    def undo(self, ctx: Context) -> None:
        """What reset did stays done."""


def _changed(ctx: Context) -> dict[str, str]:
    """Parameters that have another value now. Those that cannot be set from here were not set from here."""
    earlier: dict[str, str] = before.remembered(ctx).get("sysctls", {})
    return {
        name: value
        for name, value in earlier.items()
        if before.sysctl(ctx, name) not in (None, value) and facts.can_set(ctx.host, name)
    }
