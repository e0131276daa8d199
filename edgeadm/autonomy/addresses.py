"""Checks that every Pod will get its current address again."""

from __future__ import annotations

import ipaddress
from typing import Any

from edgeadm.autonomy.node import OTHER_NETWORK, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, not_applicable, ok

GROUP = "pod network"


def _store(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    told = node.records
    problems = told.document.get("problems") or []
    if problems:
        return failed(f"{len(problems)} unusable records: {_words(problems[0])}")
    return ok(f"records: {len(told.every('records'))}")


def _words(problem: Any) -> str:
    """A problem as text."""
    if not isinstance(problem, dict):
        return str(problem)
    return ": ".join(str(each) for each in problem.values() if each)


def _records(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    records = node.records.every("records")
    known = {(each.get("namespace"), each.get("pod")): each.get("addresses") or [] for each in records}
    wrong, compared = [], 0
    for pod in node.pods:
        has = pod.get("addresses") or []
        if pod.get("hostNetwork") or pod.get("phase") != "Running" or not has:
            continue
        compared += 1
        title, noted = f"{pod['namespace']}/{pod['name']}", known.get((pod["namespace"], pod["name"]))
        if noted is None:
            wrong.append(f"{title} has {', '.join(has)}, but no record")
        elif {ipaddress.ip_address(each) for each in noted} != {ipaddress.ip_address(each) for each in has}:
            wrong.append(f"{title} has {', '.join(has)}, but its record is {', '.join(noted)}")
    return failed("; ".join(wrong)) if wrong else ok(f"Pods compared: {compared}")


ADDRESS_CHECKS = (
    Check(
        "address-store",
        GROUP,
        "the address store is readable",
        _store,
        hint="`edgeadm-node addresses` lists the faults; unusable records are deleted when the next Pod "
        "starts",
    ),
    Check(
        "address-records",
        GROUP,
        "every running Pod has its recorded address",
        _records,
        hint="delete the Pods named while the cloud is reachable: their replacements are recorded",
    ),
)
