"""The root image: its key, where it comes from, and that it is bare."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.sandbox.errors import RootImageError
from edgeadm.sandbox.image import assert_bare, parse_targets
from edgeadm.sandbox.recipe import Recipe

TARGETS = """\
DEP-11 trixie main http://a.example/debian /k.gpg
Packages trixie-updates main http://a.example/debian /k.gpg
Packages trixie contrib http://a.example/debian /k.gpg
Packages trixie main http://b.example/debian /usr/share/keyrings/k.gpg
Packages stable main https://c.example/other
"""


def test_the_key_tells_recipes_apart() -> None:
    assert Recipe("bookworm").key == Recipe("bookworm").key
    assert (
        len({Recipe("bookworm").key, Recipe("trixie").key, Recipe("bookworm", packages=("dbus",)).key}) == 3
    )
    assert Recipe("bookworm").key.startswith("bookworm-")


@pytest.mark.parametrize(
    ("suite", "found"),
    [
        ("trixie", ("http://b.example/debian", "/usr/share/keyrings/k.gpg")),
        ("stable", ("https://c.example/other", "")),
        ("sid", ("", "")),
    ],
)
def test_the_mirror_is_the_one_of_this_machine(suite: str, found: tuple[str, str]) -> None:
    assert parse_targets(TARGETS, suite) == found


def test_an_image_with_python_is_refused(tmp_path: Path) -> None:
    assert_bare(tmp_path)
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    with pytest.raises(RootImageError, match="/usr/bin/python3"):
        assert_bare(tmp_path)
