"""Checks that this kubeadm supports the requested version, feature gates and phases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.config import Config
from edgeadm.kubeadm import compat
from edgeadm.preflight.subject import Subject

GROUP = "kubeadm"


def _known(subject: Subject) -> Iterable[Outcome]:
    if not compat.is_known(subject.kubernetes):
        text = (
            f"Kubernetes {subject.kubernetes} is not known to this edgeadm, which treats it as "
            f"{compat.shown(compat.NEWEST)}"
        )
        yield warning(text, "use a newer edgeadm if there is one")


def _feature_gates(subject: Subject) -> Iterable[Outcome]:
    for name in dict.fromkeys(_gates(subject.config)):
        fault = compat.feature_gate_fault(subject.kubernetes, name)
        if fault:
            text = f"kubeadm {subject.kubernetes} rejects the feature gate {name}: {fault}"
            known = ", ".join(compat.feature_gates(subject.kubernetes))
            yield failed(text, f"remove it; this kubeadm supports {known}")


def _gates(config: Config) -> Iterator[str]:
    for each in config.kubeadm_documents:
        if each.get("kind") == "ClusterConfiguration":
            yield from (str(name) for name in each.get("featureGates") or {})
    gates = (config.kubeadm.feature_gates or "").split(",")
    yield from (gate.partition("=")[0].strip() for gate in gates if gate)


def _phases(verb: str, subject: Subject) -> Iterable[Outcome]:
    """Names that edgeadm knows of other releases, and all names in the user's documents: kubeadm ends at them
    after everything was installed."""
    ours = compat.join_phases if verb == "join" else compat.init_phases
    here, every = ours(subject.kubernetes), compat.every_phase(verb)
    flags = [name.removeprefix("kubeadm/") for name in subject.config.skip_phases]
    wanted = [name for name in flags if name in every]
    if compat.is_known(subject.kubernetes):
        for each in subject.config.kubeadm_documents:
            if each.get("kind") == f"{verb.capitalize()}Configuration":
                wanted += [str(name) for name in each.get("skipPhases") or ()]
    for name in dict.fromkeys(wanted):
        if name not in here and not name.endswith("/all"):
            text = f"`kubeadm {verb}` {subject.kubernetes} has no phase {name} to skip"
            yield failed(text, f"its phases are {', '.join(here)}")


def _checks(verb: str) -> tuple[Check[Subject], ...]:
    return (
        Check("KubernetesUnknown", GROUP, "this edgeadm knows the Kubernetes version", _known),
        Check("FeatureGates", GROUP, "kubeadm supports the requested feature gates", _feature_gates),
        Check("SkipPhases", GROUP, "kubeadm has the phases to skip", partial(_phases, verb)),
    )


KUBEADM_INIT_CHECKS = _checks("init")
KUBEADM_JOIN_CHECKS = _checks("join")
