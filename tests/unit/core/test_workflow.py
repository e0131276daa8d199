from __future__ import annotations

import pytest

from edgeadm.cluster.fake import FakeCluster
from edgeadm.config import Config
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.leaves import Inventory
from edgeadm.core.phase import Context, Group, Phase, Verdict
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.errors import PhaseError, UnknownPhaseError
from edgeadm.hosts.fake import FakeHost
from tests.reports import Recorded


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


class Noting(Nothing):
    """Needed always; notes whether its run was told of an earlier one that was cut off."""

    def __init__(self, name: str, said: list[bool], fails: bool = False) -> None:
        super().__init__(name)
        self.said, self.fails = said, fails

    def check(self, ctx: Context) -> Verdict:
        self.said.append(ctx.interrupted)
        return Verdict(needed=True, reason="always")

    def apply(self, ctx: Context) -> None:
        self.said.append(ctx.interrupted)
        ctx.host.write("/etc/x", b"1")
        if self.fails:
            raise PhaseError("no")


class Elsewhere(Noting):
    @staticmethod
    def when(config: Config) -> str:
        return "" if config.enable_edge else "its own reason"


def context(config: Config | None = None, host: FakeHost | None = None) -> Context:
    real = host or FakeHost()
    journal = Journal(real)
    door = JournaledHost(real, journal)
    return Context(config or Config(), door, journal, lambda: FakeCluster(), Inventory())


@pytest.mark.parametrize("outer", [True, False], ids=["of its group", "of its own"])
def test_a_phase_that_does_not_apply_is_neither_checked_nor_applied_and_says_why(outer: bool) -> None:
    said: list[bool] = []
    phase = Noting("a", said) if outer else Elsewhere("a", said)
    group = Group("g", "", (phase,), when=Elsewhere.when) if outer else Group("g", "", (phase,))
    flow, off = Workflow("init", "", (group,)), Config(enable_edge=False)
    run = Run(flow, context(off), Recorded())
    assert list(run.plan(flow.select())) == [("g/a", Verdict(needed=False, reason="its own reason"))]
    assert run.apply(flow.select()) == 0
    assert said == []
    assert Run(flow, context(), Recorded()).apply(flow.select()) == 1


def test_the_runner_tells_a_phase_of_its_own_run_that_was_cut_off() -> None:
    host, said = FakeHost(), list[bool]()
    failing = Workflow("init", "", (Group("g", "", (Noting("a", said, fails=True),)),))
    with pytest.raises(PhaseError):
        Run(failing, context(host=host), Recorded()).apply(failing.select())
    assert said == [False, False]
    said.clear()
    flow = Workflow("init", "", (Group("g", "", (Noting("a", said),)), Noting("a2", said)))
    Run(flow, context(host=host), Recorded()).apply(flow.select())
    assert said == [True, True, False, False]
    said.clear()
    list(Run(flow, context(host=host), Recorded()).plan(flow.select()))
    assert said == [False, False], "it came to its end meanwhile"
    renamed = Workflow("init", "", (Group("other", "", (Noting("a", said),)),))
    list(Run(renamed, context(host=host), Recorded()).plan(renamed.select()))
    assert said[-1] is False
