"""NodeTasks as the controller reads them."""

from __future__ import annotations

from typing import Any

import pytest

from edgeadm.apps import fleet as names
from edgeadm.fleet.controller.errors import TaskError
from edgeadm.fleet.controller.task import Task, read

A = "172.21.3.194"
SPEC: dict[str, Any] = {"nodeNamePrefix": "edge", "targetMachines": [A], "sshCredential": "login-secret"}
AGAIN: dict[str, Any] = {"nodeNamesOverride": {"edge-1mokvl": A}, "sshCredential": "login-secret"}


def obj(spec: Any, name: str = "nodes", uid: str = "1") -> dict[str, Any]:
    meta = {"name": name, "uid": uid, "generation": 1}
    return {"apiVersion": names.API, "kind": names.KIND, "metadata": meta, "spec": spec}


def free(_name: str) -> bool:
    return False


def test_names_are_always_the_same_and_unlike_those_of_other_tasks() -> None:
    (name,) = read(obj(SPEC)).named(free)
    assert read(obj(SPEC)).named(free) == {name: A}
    assert name not in read(obj(SPEC, uid="2")).named(free)


def test_a_name_that_is_taken_is_replaced() -> None:
    task = read(obj(SPEC))
    (name,) = task.named(free)
    (other,) = task.named(lambda each: each == name)
    assert other != name


def test_a_name_that_is_known_is_kept() -> None:
    more = SPEC | {"targetMachines": [A, "172.21.3.195"]}
    named = read(obj(more)).named(lambda name: name == "edge-before", {A: "edge-before"})
    assert named["edge-before"] == A
    assert len(named) == 2


def test_the_label_is_new_for_each_object_and_for_a_reinstallation() -> None:
    labels = {read(each).label for each in (obj(SPEC), obj(AGAIN), obj(SPEC, uid="2"))}
    assert len(labels) == 3
    assert all(each.startswith("nodes-") and len(each) == 12 for each in labels)


def test_the_task_of_the_seed() -> None:
    task = read(obj(SPEC | {"proxyNode": "vm-2-117-centos"}))
    assert isinstance(task, Task)
    assert (task.port, task.proxy, task.credential, task.reinstalls) == (
        22,
        "vm-2-117-centos",
        "login-secret",
        False,
    )
    assert read(obj(AGAIN)).reinstalls


HOSTILE: list[dict[str, Any]] = [
    SPEC | {"targetMachines": ["1.2.3.4; reboot"]},
    SPEC | {"targetMachines": ["$(reboot)"]},
    SPEC | {"targetMachines": ["-oProxyCommand=reboot"]},
    SPEC | {"targetMachines": ["1.2.3.4\n5.6.7.8"]},
    SPEC | {"targetMachines": ["01.2.3.4"]},
    SPEC | {"targetMachines": ["fe80::1%eth0"]},
    SPEC | {"targetMachines": [A, A]},
    SPEC | {"targetMachines": [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(1001)]},
    SPEC | {"targetMachines": "1.2.3.4"},
    SPEC | {"targetMachines": [{"ip": A}]},
    SPEC | {"targetMachines": []},
    SPEC | {"nodeNamePrefix": "edge`reboot`"},
    SPEC | {"nodeNamePrefix": "../edge"},
    SPEC | {"nodeNamePrefix": "Edge"},
    SPEC | {"nodeNamePrefix": "e" * 41},
    SPEC | {"nodeNamePrefix": 5},
    AGAIN | {"nodeNamesOverride": {"edge;reboot": A}},
    AGAIN | {"nodeNamesOverride": {"edge --force": A}},
    AGAIN | {"nodeNamesOverride": {"edge": "localhost$IFS"}},
    AGAIN | {"nodeNamesOverride": {"edge": [A]}},
    AGAIN | {"nodeNamesOverride": {}},
    AGAIN | {"nodeNamesOverride": {"a": A, "b": A}},
    AGAIN | {"sshCredential": "../../kube-system/admin"},
    AGAIN | {"sshCredential": ""},
    AGAIN | {"sshCredential": {"name": "x"}},
    AGAIN | {"sshPort": "22; reboot"},
    AGAIN | {"sshPort": 0},
    AGAIN | {"sshPort": True},
    AGAIN | {"proxyNode": "node'; reboot"},
    AGAIN | {"proxynode": "node"},
    AGAIN | {"script": "reboot"},
    AGAIN | SPEC,
    {"sshCredential": "login-secret"},
    {"targetMachines": [A], "sshCredential": "login-secret"},
    AGAIN | {"nodeNamePrefix": "edge"} | {"targetMachines": None},
    {},
]


@pytest.mark.parametrize("spec", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_specs_are_refused_with_a_short_message(spec: dict[str, Any]) -> None:
    with pytest.raises(TaskError) as caught:
        read(obj(spec))
    assert len(caught.value.message) < 1100
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("spec", [None, [], "x", 5])
def test_a_spec_that_is_no_mapping_is_refused(spec: Any) -> None:
    with pytest.raises(TaskError):
        read(obj(spec))


def test_a_name_that_cannot_begin_a_label_is_refused() -> None:
    for name in ("a.b", "a" * 57):
        with pytest.raises(TaskError):
            read(obj(SPEC, name=name))
