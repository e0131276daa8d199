"""Saved states on disk: whole ones are listed, others are not; names; deletion; the subnet."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edgeadm.errors import UsageError
from edgeadm.sandbox import Store, names, saved
from edgeadm.sandbox.errors import NoSavedStateError, SandboxNameError
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord
from edgeadm.sandbox.teardown import remove_images

RECORD = SandboxRecord("demo", 7, "/image", "/layer").with_nodes(wanted_nodes(1, 0, 1))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def keep(store: Store, name: str) -> Path:
    """A saved state with a disk of a mebibyte."""
    folder = store.saved / name
    (folder / "nodes/cp1").mkdir(parents=True)
    (folder / "nodes/cp1/disk.img").write_bytes(b"x" * (1 << 20))
    document = {"schema": 1, "saved": "2026-11-26T03:00:00+00:00", "sandbox": {"schema": 1, **asdict(RECORD)}}
    (folder / "state.json").write_text(json.dumps(document))
    return folder


def test_a_state_is_listed_with_what_it_holds(store: Store) -> None:
    keep(store, "joined")
    (state,) = saved.every(store)
    assert (state.name, state.sandbox, state.saved) == ("joined", RECORD, "2026-11-26T03:00:00+00:00")
    assert 1 << 20 <= state.size < 2 << 20


def test_what_was_cut_short_is_not_listed(store: Store) -> None:
    keep(store, "whole")
    keep(store, ".half.part")
    (store.saved / "empty").mkdir()
    (store.saved / ".whole.lock").touch()
    assert [state.name for state in saved.every(store)] == ["whole"]
    with pytest.raises(NoSavedStateError) as raised:
        saved.find(store, "half")
    assert raised.value.hint == "saved states: whole"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"saved": "x", "sandbox": {"schema": 2}}'])
def test_a_damaged_record_is_no_state(store: Store, text: str) -> None:
    (keep(store, "damaged") / "state.json").write_text(text)
    with pytest.raises(NoSavedStateError):
        saved.find(store, "damaged")
    assert saved.every(store) == []
    saved.delete(store, "damaged")


def test_deleted_it_leaves_nothing(store: Store) -> None:
    keep(store, "joined")
    saved.delete(store, "joined")
    assert list(store.saved.iterdir()) == []
    with pytest.raises(NoSavedStateError):
        saved.delete(store, "joined")
    assert list(store.saved.iterdir()) == []


@pytest.mark.parametrize("name", ["../up", ".hidden", "", "a" * 61, "Upper", "-x"])
def test_a_name_that_leads_elsewhere_is_refused(store: Store, name: str) -> None:
    with pytest.raises(SandboxNameError):
        saved.find(store, name)


def test_images_stay_while_a_saved_state_needs_them(store: Store) -> None:
    keep(store, "joined")
    store.images.mkdir()
    with pytest.raises(UsageError) as raised:
        remove_images(store)
    assert "joined" in raised.value.message
    assert store.images.is_dir()


def test_a_detached_sandbox_takes_no_subnet_from_others(store: Store) -> None:
    store.save(RECORD)
    store.save(replace(RECORD, name="copy", detached=True))
    store.save(replace(RECORD, name="far", number=9))
    assert sorted(store.numbers()) == [7, 9]
    assert store.numbers(but="demo") == [9]
    assert store.load("copy").detached
    assert not names.is_free(7, store.numbers(), [])
    assert names.is_free(7, store.numbers(but="demo"), ["10.77.8.0/24", "0.0.0.0/0"])
    assert not names.is_free(7, [], ["10.77.0.0/16"])
