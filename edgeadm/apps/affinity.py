"""The condition in a node affinity that keeps Pods off edge nodes, beside those that others have set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeadm.apps.facts import EDGE_LABEL
from edgeadm.cluster import Object

KEPT_OFF = {"key": EDGE_LABEL, "operator": "DoesNotExist"}
PATH = ("spec", "template", "spec", "affinity", "nodeAffinity")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
Term = Mapping[str, Any]


def kept_off(terms: list[Term]) -> list[Term]:
    """The terms, of which a node has to fit one, each with the condition. One that fits no node stays so."""
    if not terms:
        return [{"matchExpressions": [KEPT_OFF]}]
    return [each if not each or is_kept_off(each) else _joined(each) for each in terms]


def let_back(terms: list[Term]) -> list[Term]:
    """The terms without the condition; one that held nothing else goes."""
    found: list[Term] = []
    for each in terms:
        left = [part for part in each.get("matchExpressions") or [] if part != KEPT_OFF]
        rest = {key: value for key, value in each.items() if key != "matchExpressions"}
        if left or rest or not each:
            found.append(rest | ({"matchExpressions": left} if left else {}))
    return found


def is_kept_off(term: Term) -> bool:
    """Whether the term has the condition."""
    return KEPT_OFF in (term.get("matchExpressions") or [])


def terms_of(obj: Object) -> list[Term]:
    """The terms of a workload's Pods, empty where they may run anywhere."""
    found: Any = obj
    for key in (*PATH, REQUIRED, "nodeSelectorTerms"):
        found = (found or {}).get(key)
    return list(found or [])


def set_terms(obj: dict[str, Any], terms: list[Term]) -> None:
    """Give the workload's Pods these terms; what else is said of them stays."""
    inner = obj
    for key in PATH:
        inner = inner.setdefault(key, {})
    inner[REQUIRED] = {"nodeSelectorTerms": terms}


def _joined(term: Term) -> Term:
    return {**term, "matchExpressions": [*(term.get("matchExpressions") or []), KEPT_OFF]}
