"""Files of a node are compared by content and by mode."""

from __future__ import annotations

from pathlib import Path

from edgeadm.node.files import difference, with_mode
from tests.machine import Machine

A, B = "/etc/edgeadm/a", "/etc/edgeadm/b"


def test_the_first_file_that_differs_is_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ctx, wanted = machine.context(), with_mode({A: b"a", B: b"b"}, 0o600)
    assert difference(ctx, wanted) == f"{A} is missing or differs"
    machine.host.write_all(wanted)
    assert difference(ctx, wanted) == ""
    machine.host.write(B, b"c", 0o600)
    assert difference(ctx, wanted) == f"{B} is missing or differs"


def test_a_secret_that_others_can_read_differs(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    ctx, wanted = machine.context(), with_mode({A: b"a", B: b"b"}, 0o600)
    machine.host.write_all(wanted)
    machine.host.write(B, b"b", 0o644)
    assert difference(ctx, wanted) == f"{B} has mode 0644 instead of 0600"
    ctx.host.write_all(wanted)
    assert difference(ctx, wanted) == ""


def test_no_files_are_no_question(tmp_path: Path) -> None:
    assert difference(Machine(tmp_path).context(), {}) == ""
