"""Hostile documents: each is refused with its code, or does no harm, and none of them ends in a traceback."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.errors import ConfigError
from edgeadm.fleet.documents import Options, load_fleet
from edgeadm.fleet.documents.load import fleet_from
from edgeadm.fleet.documents.text import LARGEST, read_documents

HOSTILE = sorted((Path(__file__).parents[1] / "hostile").glob("*.yaml"))
EXAMPLES = Path(__file__).parents[4] / "docs/examples"
MUTATIONS = 2500
ENVIRON = {"SHIP_PASSWORD": "canary-of-the-ship", "HOME": "/nonexistent"}
METACHARACTERS = "a;id #$(id)`id`|id&&id>/tmp/x'\"\\{n}"
ODD = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    float("nan"),
    "",
    " ",
    "a" * 5000,
    "\x00",
    "\u202e",
    "🦀",
    METACHARACTERS,
    "../../etc/passwd",
    "-oProxyCommand=id",
    "10.0.0.0/8",
    "{n}",
    "10%",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"a": {"b": []}},
)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_a_hostile_document_is_refused_with_its_code_or_harmless(path: Path) -> None:
    expected = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# expect: ")
    options = Options(environ=ENVIRON)
    if expected == "harmless":
        assert load_fleet(str(path), options).machines
        return
    with pytest.raises(ConfigError) as caught:
        load_fleet(str(path), options)
    shown = f"{caught.value.message}\n{caught.value.context}\n{caught.value.hint}"
    assert (caught.value.code, caught.value.exit_code) == (expected, 3), shown
    assert "hunter2" not in shown
    assert all(each.isprintable() or each == "\n" for each in shown)


def test_there_are_enough_hostile_documents() -> None:
    assert len(HOSTILE) >= 40


def documents_of(name: str) -> list[Any]:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    return [each for each in yaml.safe_load_all(text) if each]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a document."""
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from places(each, (*path, at))


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """A copy with another value at a path."""
    if not path:
        return to
    if isinstance(value, dict):
        return {key: changed(each, path[1:], to) if key == path[0] else each for key, each in value.items()}
    if isinstance(value, list):
        return [changed(each, path[1:], to) if at == path[0] else each for at, each in enumerate(value)]
    return value  # an earlier change removed the place


NAMES = ("nodefleet.yaml", "nodetask.yaml", "superedge_edge.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_metacharacters_in_any_field_are_refused_or_stay_data(name: str, tmp_path: Path) -> None:
    documents = documents_of(name)
    key = tmp_path / "key"
    key.touch(mode=0o600)
    for path in places(documents):
        if len(path) < 2:
            continue
        try:
            fleet = fleet_from(
                changed(documents, path, METACHARACTERS),
                Options(environ={**ENVIRON, "HOME": str(tmp_path)}, proxied=True),
                source="test",
                folder=tmp_path,
            )
        except ConfigError:
            continue
        every = [
            fleet.name,
            *(each.name for each in fleet.machines),
            *(each.address for each in fleet.machines),
        ]
        assert not [each for each in every if set(each) & set(";$`|&<>'\"\\ ")], path


def test_random_mutations_of_the_examples_never_raise_another_error(tmp_path: Path) -> None:
    chance = random.Random(13)
    originals = [documents_of(name) for name in NAMES]
    where = [list(places(each)) for each in originals]
    accepted = 0
    for _ in range(MUTATIONS):
        at = chance.randrange(len(originals))
        documents = originals[at]
        for _ in range(chance.randint(1, 3)):
            documents = changed(documents, chance.choice(where[at]), chance.choice(ODD))
        if not isinstance(documents, list):
            documents = [documents]
        try:
            fleet_from(documents, Options(environ=ENVIRON, proxied=True), source="test", folder=tmp_path)
            accepted += 1
        except ConfigError:
            continue
    assert accepted < MUTATIONS


def test_random_texts_never_raise_another_error() -> None:
    chance = random.Random(13)
    texts = [(EXAMPLES / name).read_text(encoding="utf-8") for name in NAMES]
    for _ in range(500):
        text = list(chance.choice(texts))
        for _ in range(chance.randint(1, 8)):
            text[chance.randrange(len(text))] = chance.choice("{}[]:-\n\t\"'&*!|>%@`#,?\\ \x00\ud800a1")
        try:
            read_documents("".join(text), "test")
        except ConfigError:
            continue


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        load_fleet(str(path))


def test_a_file_that_is_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        load_fleet("/dev/zero")
