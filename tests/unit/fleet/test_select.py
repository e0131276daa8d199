"""`--limit` of `edgeadm nodes`."""

from __future__ import annotations

import pytest

from edgeadm.fleet.errors import SelectorError
from edgeadm.fleet.model import Machine, Role
from edgeadm.fleet.select import select
from edgeadm.hosts.ssh.target import Target

MACHINES = (
    Machine("till1", Target("10.9.0.1"), site="north", groups=("tills",), labels={"chain": "acme"}),
    Machine("till2", Target("10.9.0.2"), site="south", groups=("tills",)),
    Machine("cam1", Target("10.9.0.3"), site="south", role=Role.WORKER),
    Machine("gate", Target("gate.example")),
)


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        ((), "till1 till2 cam1 gate"),
        (("till1",), "till1"),
        (("till*",), "till1 till2"),
        (("10.9.0.?",), "till1 till2 cam1"),
        (("gate.example",), "gate"),
        (("tills",), "till1 till2"),
        (("south",), "till2 cam1"),
        (("role=worker",), "cam1"),
        (("role=edge,cam1",), "till1 till2 cam1 gate"),
        (("site=s*",), "till2 cam1"),
        (("group=tills,!south",), "till1"),
        (("chain=acme",), "till1"),
        (("chain=a*", "cam1"), "till1 cam1"),
        (("!tills",), "cam1 gate"),
        (("tills", "!till1"), "till2"),
    ],
)
def test_selectors(selectors: tuple[str, ...], names: str) -> None:
    assert " ".join(each.name for each in select(MACHINES, selectors)) == names


@pytest.mark.parametrize(
    ("selectors", "hint"),
    [(("til1",), "did you mean `till1`?"), (("chain=other",), "lists the machines"), (("!cam9",), "`cam1`")],
)
def test_a_term_without_machines_is_refused(selectors: tuple[str, ...], hint: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select(MACHINES, selectors)
    assert hint in caught.value.hint


def test_a_selection_without_machines_is_refused() -> None:
    with pytest.raises(SelectorError):
        select(MACHINES, ("till1,!till1",))
