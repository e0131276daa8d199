"""`tools/outdated.py`: what is past its end, and what does not go together."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edgeadm.kubeadm import compat
from edgeadm.package.builder.recipe import ModuleSet

TOOLS = Path(__file__).parents[2] / "tools"
TODAY = date(2026, 11, 26)
RELEASES = """
| Release | Status | Start | End of Life | Owners |
| [1.7](https://example.org/v1.7.0) | LTS | March 10, 2023 | September 2026* | [@a](https://example.org) |
| [2.1](https://example.org/v2.1.9)  | End of Life    | May 7, 2025  | July 3, 2026 |                        |
| [2.3](https://example.org/v2.3.2)  | LTS            | April 30, 2026 | April 30, 2028 | @committers |

| Kubernetes Version | containerd Version               | CRI Version     |
|--------------------|----------------------------------|-----------------|
| 1.36               | 2.3.0+, 2.2.0+                   | v1              |
| 1.37               | 2.4.0+, 2.3.0+                   | v1              |
"""


@pytest.fixture(scope="module")
def outdated() -> Iterator[ModuleType]:
    sys.path.insert(0, str(TOOLS))
    try:
        yield import_module("outdated")
    finally:
        sys.path.remove(str(TOOLS))


def pinned(name: str, version: str, held: str = "") -> ModuleSet:
    return ModuleSet(name, Path("sets") / name, name, version, held=held)


def test_containerds_table_is_read(outdated: ModuleType) -> None:
    ends = outdated.ends_of_containerd(RELEASES)
    assert ends == {"2.1": date(2026, 7, 3), "2.3": date(2028, 4, 30)}
    assert outdated.matrix(RELEASES) == {"1.36": {"2.2.0", "2.3.0"}, "1.37": {"2.3.0", "2.4.0"}}


@pytest.mark.parametrize(
    ("name", "version", "served", "passed"),
    [
        ("containerd", "v2.1.5", ["v2.1.9", "v2.3.7"], True),
        ("containerd", "v2.3.7", ["v2.3.7", "v2.4.2"], False),
        ("kubernetes", "v1.34.4", ["v1.34.4", "v1.37.2"], True),
        ("kubernetes", "v1.37.2", ["v1.37.2"], False),
        ("runc", "v1.3.3", ["v1.3.6", "v1.4.3", "v1.5.2"], False),
        ("runc", "v1.2.9", ["v1.2.9", "v1.3.6", "v1.4.3", "v1.5.2"], True),
        ("flannel", "v0.1.0", ["v0.28.10"], False),
    ],
)
def test_the_end_is_a_day_or_a_number_of_newer_releases(
    name: str, version: str, served: list[str], passed: bool, outdated: ModuleType
) -> None:
    support: dict[str, Any] = {"kubernetes": {"until": {"1.34": date(2026, 10, 27)}}, "runc": {"minors": 3}}
    containerd = outdated.ends_of_containerd(RELEASES)
    end = outdated.end_of(pinned(name, version), served, support, containerd, TODAY)
    assert end.passed is passed


def test_past_its_end_is_a_fault_unless_it_is_kept_for_a_reason_and_a_while(outdated: ModuleType) -> None:
    each, ended = pinned("kubernetes", "v1.34.4"), outdated.End("2026-10-27", True)
    served = ["v1.34.4", "v1.34.10", "v1.37.2"]
    row = outdated.row_of(each, "1.34", served, ended, "")
    assert row.fault == "out of support since 2026-10-27"
    assert (row.line, row.newest) == ("v1.34.10", "v1.37.2")
    exception = {"release": "1.34", "until": date(2027, 2, 28), "reason": "no upgrade yet"}
    support = {"kubernetes": {"kept": [exception]}}
    why = outdated.kept(each, support, TODAY)
    row = outdated.row_of(each, "1.34", served, ended, why)
    assert (row.fault, row.note) == ("", "kept until 2027-02-28: no upgrade yet")
    assert outdated.kept(each, support, date(2027, 3, 1)) == ""
    assert outdated.kept(pinned("kubernetes", "v1.35.4"), support, TODAY) == ""


def test_why_a_pin_is_held_is_said_only_of_one_that_is_not_the_newest(outdated: ModuleType) -> None:
    for served, note in ((["v1.0.0", "v2.0.0"], "held: because"), (["v1.0.0"], "")):
        row = outdated.row_of(pinned("x", "v1.0.0", "because"), "every", served, outdated.End(), "")
        assert row.note == note
    row = outdated.row_of(pinned("x", "v1.0.0"), "every", [], outdated.End(), "")
    assert row.note == "the proxy serves no list of its releases"


def test_a_table_that_differs_from_containerds_own_is_found(outdated: ModuleType) -> None:
    theirs = {
        compat.shown(minor): {".".join(str(part) for part in each) for each in lines}
        for minor, lines in compat.CONTAINERD.items()
    }
    assert outdated.pairings(theirs) == []
    (found,) = outdated.pairings(theirs | {"1.36": {"2.2.0"}})
    assert "compat.CONTAINERD says ['2.2.0', '2.3.0'] of Kubernetes 1.36" in found
    del theirs["1.37"]
    (found,) = outdated.pairings(theirs)
    assert found.startswith("RELEASES.md of containerd does not know Kubernetes v1.37")


def test_the_table_in_the_docs_is_replaced(outdated: ModuleType) -> None:
    row = outdated.Row("etcd", "1.37", "v3.7.3", note="so")
    first, second = outdated.table([row]).splitlines()
    assert first.split()[:3] == ["Part", "In", "Pinned"]
    assert second.split() == ["etcd", "1.37", "v3.7.3", "so"]
