from __future__ import annotations

import pytest

from edgeadm.core.phase import Context, Group, Phase, Verdict
from edgeadm.core.workflow import Workflow
from edgeadm.errors import UnknownPhaseError


class Nothing(Phase):
    name = ""
    summary = "nothing"

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, ctx: Context) -> Verdict:
        return Verdict(needed=False)

    def apply(self, ctx: Context) -> None:
        pass


FLOW = Workflow("init", "", (Group("certs", "", (Nothing("ca"), Nothing("edge"))), Nothing("kubeadm")))


@pytest.mark.parametrize(
    ("only", "skip", "paths"),
    [
        ((), (), ["certs/ca", "certs/edge", "kubeadm"]),
        (("certs",), (), ["certs/ca", "certs/edge"]),
        ((), ("certs/ca",), ["certs/edge", "kubeadm"]),
        (("certs", "kubeadm"), ("kubeadm",), ["certs/ca", "certs/edge"]),
    ],
)
def test_names_reach_down_and_skipping_wins(
    only: tuple[str, ...], skip: tuple[str, ...], paths: list[str]
) -> None:
    assert [step.path for step in FLOW.select(only, skip)] == paths


@pytest.mark.parametrize(
    ("name", "hint"),
    [("kubeadmn", "did you mean `kubeadm`?"), ("zzz", "see `edgeadm init --help`")],
)
def test_a_misspelt_phase_is_refused_with_a_guess(name: str, hint: str) -> None:
    with pytest.raises(UnknownPhaseError) as caught:
        FLOW.select(skip=[name])
    assert caught.value.hint == hint
    assert caught.value.exit_code == 1
