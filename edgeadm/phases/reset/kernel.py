"""Restoration of kernel parameters and AppArmor profiles."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.node import baseline

UNLOAD = "/sys/kernel/security/apparmor/.remove"


@dataclass(frozen=True)
class RestoreKernel(Phase):
    """Restores kernel parameters from the journal, and unloads the AppArmor profile that containerd loaded
    for containers, unless it was loaded before edgeadm or a process still uses it. Modules stay loaded:
    another program may use them by now."""

    name: str = "kernel"
    summary: str = "restore kernel parameters, and unload the AppArmor profile of containers"

    def check(self, ctx: Context) -> Verdict:
        changed, loaded = _changed(ctx), _loaded(ctx)
        if not changed and not loaded:
            return Verdict(needed=False, reason="kernel parameters and AppArmor profiles are restored")
        found = [f"to restore: {', '.join(changed)}"] if changed else []
        found += [f"to unload: {', '.join(loaded)}"] if loaded else []
        return Verdict(needed=True, reason="; ".join(found))

    def apply(self, ctx: Context) -> None:
        for _ in range(2):  # `ip_forward` takes others along
            for name, value in _changed(ctx).items():
                ctx.host.run("sysctl", "-q", "-w", f"{name}={value}")
        for profile in _loaded(ctx):
            # The kernel takes the name as it is, without a newline. `apparmor_parser -R` does the same.
            ctx.host.run("tee", UNLOAD, stdin=profile.encode())


def _changed(ctx: Context) -> dict[str, str]:
    """Parameters that have another value now. Those that cannot be set from here were not set from here."""
    earlier: dict[str, str] = baseline.remembered(ctx).get("sysctls", {})
    now = facts.sysctls(ctx.host, earlier) if earlier else {}
    return {
        name: value
        for name, value in earlier.items()
        if now.get(name, value) != value and facts.can_set(ctx.host, name)
    }


def _loaded(ctx: Context) -> list[str]:
    """Profiles that were not loaded before edgeadm and that no process runs under; none without a record of
    the time before."""
    earlier: list[str] | None = baseline.remembered(ctx).get("profiles")
    if earlier is None:
        return []
    new = [each for each in baseline.profiles(ctx) if each not in earlier]
    return [each for each in new if not _is_used(ctx, each)]


def _is_used(ctx: Context, profile: str) -> bool:
    """Whether a process runs under the profile: without it, the process would run unconfined."""
    labels = (ctx.host.read(f"/proc/{pid}/attr/current") or b"" for pid in facts.processes(ctx.host))
    return any(label.decode(errors="replace").startswith(f"{profile} (") for label in labels)
