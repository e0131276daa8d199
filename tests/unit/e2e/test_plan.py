"""The plan has every file of the end-to-end tests, and hands them out in its order."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.e2e.minutes import Minutes, table
from tests.e2e.plan import HERE, Group, Plan, load
from tests.e2e.schedule import Schedule

SHOWN = Plan(
    (
        Group("test_long", 9.0, "site"),
        Group("test_middle", 5.0, "site"),
        Group("test_other", 4.0),
        Group("test_short", 1.0),
    )
)


def test_every_file_is_in_the_plan_and_nothing_else() -> None:
    assert {group.name for group in load().groups} == {path.stem for path in HERE.glob("test_*.py")}


def test_the_longest_group_is_first() -> None:
    minutes = [group.minutes for group in load().groups]
    assert minutes == sorted(minutes, reverse=True)
    assert minutes[-1] > 0


def test_a_file_without_a_group_is_named() -> None:
    with pytest.raises(KeyError, match=r"test_new\.py is not in plan\.toml"):
        SHOWN.of(Path("tests/e2e/test_new.py"))


def test_a_tier_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('[test_x]\nminutes = 1\ntier = "daily"\n')
    with pytest.raises(ValueError, match="test_x: the tier"):
        load(tmp_path / "plan.toml")


class Worker:
    """As much of pytest-xdist's worker as its scheduler uses."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


class Run:
    """A run of two workers on the plan above, three tests to a group."""

    def __init__(self) -> None:
        option = SimpleNamespace(loadscopereorder=False)
        names = [f"tests/e2e/{group.name}.py::test_{i}[a::b]" for group in SHOWN.groups for i in range(3)]
        self.config = cast(Any, SimpleNamespace(option=option, getvalue=lambda name: ["popen"] * 2))
        self.schedule = Schedule(self.config, None, SHOWN)
        self.workers = [Worker("one"), Worker("two")]
        for worker in self.workers:
            self.schedule.add_node(cast(Any, worker))
            self.schedule.add_node_collection(cast(Any, worker), names)
        self.schedule.schedule()

    def done(self, worker: int, tests: int = 1) -> None:
        """The worker ends as many of its tests."""
        for _ in range(tests):
            self.schedule.mark_test_complete(cast(Any, self.workers[worker]), self._next(worker))

    def _next(self, worker: int) -> int:
        ended = self.schedule.assigned_work[cast(Any, self.workers[worker])]
        names = self.schedule.registered_collections[cast(Any, self.workers[worker])]
        waiting = [name for unit in ended.values() for name, over in unit.items() if not over]
        return names.index(waiting[0])

    def groups(self, worker: int) -> list[str]:
        names = [SHOWN.groups[index // 3].name for index in self.workers[worker].given]
        return list(dict.fromkeys(names))


def test_two_groups_do_not_begin_with_disks_that_are_yet_to_be_made() -> None:
    run = Run()
    assert (run.groups(0), run.groups(1)) == (["test_long"], ["test_other"])


def test_disks_that_are_made_are_there_for_the_next_group() -> None:
    run = Run()
    run.done(0)
    run.done(1, 2)
    assert run.groups(1) == ["test_other", "test_middle"]


def test_if_every_group_waits_for_the_same_disks_the_longest_is_next() -> None:
    run = Run()
    run.done(1, 2)
    assert run.groups(1) == ["test_other", "test_short"]
    run.done(1, 3)
    assert run.groups(1) == ["test_other", "test_short", "test_middle"]


def test_a_worker_gets_its_next_group_with_its_last_test_and_no_sooner() -> None:
    run = Run()
    run.done(0)
    assert run.groups(0) == ["test_long"]
    run.done(0)
    assert run.groups(0) == ["test_long", "test_middle"]


def test_the_minutes_are_a_table_and_a_file(tmp_path: Path) -> None:
    minutes = Minutes(SHOWN)
    minutes.add("tests/e2e/test_short.py::test_a", "setup", 30.0)
    minutes.add("tests/e2e/test_short.py::test_a", "call", 60.0)
    minutes.add("tests/e2e/test_long.py::test_b[x]", "setup", 300.0)
    assert [line.split() for line in table(minutes.rows())[1:]] == [
        ["test_long", "5.0", "9.0", "300.0", "s", "site"],
        ["test_short", "1.5", "1.0", "30.0", "s"],
        ["sum", "6.50"],
    ]
    file = tmp_path / "report.json"
    file.write_text(json.dumps([{"group": "test_other", "minutes": 1}, {"group": "test_long", "minutes": 1}]))
    minutes.write(file)
    assert {row["group"]: row["minutes"] for row in json.loads(file.read_text())} == {
        "test_other": 1,
        "test_long": 5.0,
        "test_short": 1.5,
    }


def test_the_documented_minutes_are_those_of_the_plan() -> None:
    page = (Path(__file__).parents[3] / "docs/concepts/tests.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `test_")]
    assert rows == [
        f"| `{group.name}` | {group.minutes} | {group.start or 'bare nodes'} |"
        for group in load().groups
        if group.tier == "usual"
    ]
