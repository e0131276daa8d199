"""One fault planted on an edge node in memory, found by exactly one check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from edgeadm.autonomy.node import KUBELET_CONFIG
from edgeadm.hosts import Result
from tests.steady_node import (
    EdgeNode,
)

Plant = Callable[[EdgeNode], Any]
Fault = tuple[str, Plant, str, str]  # its description, and the code and the result of its check


def planted(faults: list[Fault]) -> pytest.MarkDecorator:
    """The faults as parameters of a test, named by their descriptions."""
    return pytest.mark.parametrize(
        ("plant", "code", "result"), [each[1:] for each in faults], ids=[each[0] for each in faults]
    )


def assert_found_alone(node: EdgeNode, plant: Plant, code: str, result: str) -> None:
    """Plants the fault: its check finds it, all other checks do not, and no command is run."""
    plant(node)
    findings = {each.code: each for each in node.findings()}
    assert node.wrong() == {code: result}, findings[code].text
    assert findings[code].hint
    assert node.host.ran == []


def write(path: str, data: bytes) -> Plant:
    return lambda node: node.host.files.update({path: data})


def remove(path: str) -> Plant:
    return lambda node: node.host.files.pop(path)


def answer(command: str, result: Result) -> Plant:
    return lambda node: node.host.answers.update({command: result})


def kubelet(**changed: Any) -> Plant:
    def plant(node: EdgeNode) -> None:
        config = yaml.safe_load(node.host.files[KUBELET_CONFIG]) | changed
        node.host.files[KUBELET_CONFIG] = yaml.safe_dump(config).encode()

    return plant


def nearby(**changed: Any) -> Plant:
    return lambda node: [setattr(node.nearby, name, value) for name, value in changed.items()]


def link(name: str, *addresses: str) -> Plant:
    return lambda node: node.links.update({name: list(addresses)})
