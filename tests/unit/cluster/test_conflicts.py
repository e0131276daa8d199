"""What the API server says of fields that somebody else has changed, and the object without them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from edgeadm.cluster.conflicts import conflicts, without

OBJECT: dict[str, Any] = {
    "metadata": {"name": "web", "annotations": {"example.org/a.b": "1", "example": "2"}},
    "spec": {
        "replicas": 1,
        "finalizers": ["one", "two"],
        "containers": [{"name": "web", "image": "a"}, {"name": "side", "image": "b"}],
        "ports": [{"port": 80, "nodePort": 1}, {"port": 80, "protocol": "UDP", "nodePort": 2}],
        "args": ["x", "y"],
    },
}
# As kube-apiserver v1.34 answers.
REFUSAL = {
    "kind": "Status",
    "reason": "Conflict",
    "details": {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-patch" using apps/v1',
                "field": ".spec.replicas",
            }
        ]
    },
}


def changed(path: str) -> dict[str, Any]:
    return without(OBJECT, [path])


def test_each_cause_is_a_field_and_who_has_it() -> None:
    assert conflicts(json.dumps(REFUSAL)) == [(".spec.replicas", "kubectl-patch")]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"reason": "AlreadyExists"}'])
def test_another_refusal_has_none(body: bytes) -> None:
    assert conflicts(body) == []


@pytest.mark.parametrize(
    ("path", "where", "left"),
    [
        (".spec.replicas", ["spec"], "replicas"),
        (".metadata.annotations.example.org/a.b", ["metadata", "annotations"], "example.org/a.b"),
        ('.spec.containers[name="side"].image', ["spec", "containers", 1], "image"),
        ('.spec.ports[port=80,protocol="TCP"].nodePort', ["spec", "ports", 0], "nodePort"),
        ('.spec.ports[port=80,protocol="UDP"].nodePort', ["spec", "ports", 1], "nodePort"),
    ],
)
def test_the_field_is_taken_out_and_nothing_else(path: str, where: list[Any], left: str) -> None:
    wanted = copy.deepcopy(OBJECT)
    at: Any = wanted
    for key in where:
        at = at[key]
    del at[left]
    assert changed(path) == wanted


def test_items_of_lists_are_taken_out() -> None:
    assert changed('.spec.finalizers[="one"]')["spec"]["finalizers"] == ["two"]
    assert changed(".spec.args[1]")["spec"]["args"] == ["x"]
    assert len(changed('.spec.containers[name="web"]')["spec"]["containers"]) == 1


def test_a_field_that_is_not_there_changes_nothing() -> None:
    assert changed('.spec.elsewhere[name="x"].y') == OBJECT
