"""The AppArmor profile that containerd loads for containers goes with `reset`, unless it was there before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.core.phase import Context
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.node.baseline import LOADED, remember
from edgeadm.phases.reset.kernel import UNLOAD, RestoreKernel
from edgeadm.workflows import INVENTORY
from tests.machine import Machine

(NAME,) = INVENTORY.profiles
OTHERS = b"/usr/bin/man (enforce)\nlsb_release (complain)\n"
WITH_OURS = OTHERS + f"{NAME} (enforce)\n".encode()


def unload(host: FakeHost, argv: tuple[str, ...], stdin: bytes) -> Result:
    """What the kernel does."""
    assert argv == ("tee", UNLOAD)
    lines = host.files[LOADED].splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(stdin + b" (")]
    assert len(kept) < len(lines), "the kernel knows no such profile"
    host.files[LOADED] = b"".join(kept)
    return Result()


def machine(folder: Path, before: bytes | None, now: bytes | None) -> tuple[Machine, Context]:
    made = Machine(folder)
    made.host.answers["tee"] = unload
    ctx = made.context()
    ctx.journal.verb, ctx.journal.phase = "join", "node"
    made.host.files |= {} if before is None else {LOADED: before}
    remember(ctx)
    made.host.files |= {} if now is None else {LOADED: now}
    return made, replace(ctx, host=made.host)


def test_the_profile_that_containerd_loaded_is_unloaded(tmp_path: Path) -> None:
    made, ctx = machine(tmp_path, OTHERS, WITH_OURS)
    assert RestoreKernel().check(ctx).reason == f"to unload: {NAME}"
    RestoreKernel().apply(ctx)
    assert made.host.files[LOADED] == OTHERS
    assert not RestoreKernel().check(ctx).needed


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (WITH_OURS, WITH_OURS),  # another container runtime had loaded it
        (None, None),  # the kernel has no AppArmor
        (OTHERS, OTHERS),  # no container ever ran
    ],
)
def test_elsewhere_no_profile_is_touched(before: bytes | None, now: bytes | None, tmp_path: Path) -> None:
    made, ctx = machine(tmp_path, before, now)
    assert not RestoreKernel().check(ctx).needed
    RestoreKernel().apply(ctx)
    assert made.host.files.get(LOADED) == now


def test_a_profile_that_a_process_runs_under_stays(tmp_path: Path) -> None:
    made, ctx = machine(tmp_path, OTHERS, WITH_OURS)
    made.host.files |= {"/proc/77/cmdline": b"web\0", "/proc/77/attr/current": f"{NAME} (enforce)\n".encode()}
    assert not RestoreKernel().check(ctx).needed
    del made.host.files["/proc/77/cmdline"]
    assert RestoreKernel().check(ctx).needed


def test_without_a_record_of_the_time_before_it_stays(tmp_path: Path) -> None:
    """Machines that an older edgeadm prepared."""
    made = Machine(tmp_path)
    ctx = made.context()
    ctx.journal.verb, ctx.journal.phase = "join", "node"
    ctx.journal.add("before", sysctls={}, places={}, tables=None)
    made.host.files[LOADED] = WITH_OURS
    assert not RestoreKernel().check(replace(ctx, host=made.host)).needed
