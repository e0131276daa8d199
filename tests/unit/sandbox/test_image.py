"""The root image: its key, where it comes from, and that it is bare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.sandbox.errors import RootImageError
from edgeadm.sandbox.image import Source, assert_bare, other_suite, parse_targets
from edgeadm.sandbox.layer import CHANGED_UNITS, make_layer
from edgeadm.sandbox.recipe import NOT_BARE, Recipe, recipe_of, suite_of

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


@pytest.mark.parametrize(
    ("name", "suite"), [("debian-11", "bullseye"), ("debian-12", "bookworm"), ("debian-13", "trixie")]
)
def test_each_name_is_a_suite_of_debian(name: str, suite: str) -> None:
    assert suite_of(name) == suite
    usual, bare = recipe_of(suite, "main", bare=False), recipe_of(suite, "main", bare=True)
    assert usual.key != bare.key
    assert (bare.packages, bare.variant) == (("openssh-server",), "")


def test_an_unknown_image_names_those_that_there_are() -> None:
    with pytest.raises(EdgeadmError) as refused:
        suite_of("debian-10")
    assert "debian-11, debian-12, debian-13" in refused.value.hint


def test_another_suite_comes_from_the_same_place() -> None:
    here = Source("bookworm", "main", "http://a.example/debian", "/k.gpg", "http://p.example")
    assert other_suite(here, "bookworm") == here
    assert other_suite(here, "trixie") == Source(
        "trixie", "main", "http://a.example/debian", "", "http://p.example"
    )
    ubuntu = Source("noble", "main,universe", "http://a.example/ubuntu")
    assert other_suite(ubuntu, "trixie") == Source("trixie")


def test_a_bare_image_has_none_of_the_programs_that_guides_presume(tmp_path: Path) -> None:
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/iptables").touch()
    assert_bare(tmp_path)
    with pytest.raises(RootImageError, match="/usr/sbin/iptables"):
        assert_bare(tmp_path, NOT_BARE)


def test_what_a_node_runs_in_another_way_is_in_the_guide(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/sandbox.md").read_text()
    section = guide.partition("### Units with differences")[2].partition("\n#")[0]
    listed = dict(re.findall(r"^\| `([\w@.-]+)` \| (.+) \|$", section, re.MULTILINE))
    assert listed == CHANGED_UNITS
    made = make_layer(tmp_path, None, print) / "etc/systemd/system"
    assert {path.parent.name.removesuffix(".d") for path in made.glob("*.service.d/*")} == set(CHANGED_UNITS)
    assert [
        path for path in made.rglob("*") if path.is_symlink() and str(path.readlink()) == "/dev/null"
    ] == []
