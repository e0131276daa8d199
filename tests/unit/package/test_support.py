"""Until when a Kubernetes release is supported."""

from __future__ import annotations

from datetime import date

import pytest

from edgeadm.package.builder import known_recipes
from edgeadm.package.support import known_support, release_line, said_of_support, supported_until


@pytest.mark.parametrize(
    ("version", "today", "said"),
    [
        ("v1.37.2", date(2026, 11, 26), "Kubernetes 1.37 is supported until 2027-10-28"),
        ("v1.37.9", date(2027, 10, 28), "Kubernetes 1.37 is supported until 2027-10-28"),
        (
            "v1.34.4",
            date(2026, 10, 28),
            "Kubernetes 1.34 is out of support since 2026-10-27 and gets no more patches",
        ),
        ("v1.34.4", date(1970, 1, 1), "Kubernetes 1.34 is supported until 2026-10-27"),
        ("v1.22.6", date(2026, 11, 26), ""),
        ("", date(2026, 11, 26), ""),
    ],
)
def test_what_is_said_of_a_release(version: str, today: date, said: str) -> None:
    assert said_of_support(version, today) == said


@pytest.mark.parametrize("version", known_recipes())
def test_the_end_of_every_recipe_is_known(version: str) -> None:
    assert supported_until(version) is not None


def test_a_release_that_is_kept_has_a_recipe_a_reason_and_an_end() -> None:
    lines = {release_line(each) for each in known_recipes()}
    for each in known_support()["kubernetes"]["kept"]:
        assert each["release"] in lines, f"{each['release']} has no recipe: the exception is of no use"
        assert each["reason"]
        assert isinstance(each["until"], date)
