"""What is remembered of sandboxes: a round trip, half-written records, unknown names, the lock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeadm.errors import LockedError
from edgeadm.sandbox import Store
from edgeadm.sandbox.errors import NoSandboxError, NoSuchNodeError
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_record_comes_back_as_it_was(store: Store) -> None:
    record = SandboxRecord("demo", 7, "/image", "/layer").with_nodes(wanted_nodes(1, 1, 2))
    store.save(record)
    assert store.load("demo") == record
    assert store.known() == ["demo"]
    assert record.gateway == "10.77.7.1"


def test_nodes_are_added_and_never_lost() -> None:
    record = SandboxRecord("demo", 0).with_nodes(wanted_nodes(1, 0, 2))
    more = record.with_nodes(wanted_nodes(2, 1, 0))
    assert [node.name for node in more.nodes] == ["cp1", "cp2", "worker1", "edge1", "edge2"]
    assert more.with_nodes(wanted_nodes(1, 0, 0)) == more


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema": 2, "name": "demo"}'])
def test_a_record_that_was_cut_short(store: Store, text: str) -> None:
    store.folder("demo").mkdir(parents=True)
    (store.folder("demo") / "sandbox.json").write_text(text)
    assert store.find("demo") is None
    assert store.known() == ["demo"]
    with pytest.raises(NoSandboxError):
        store.load("demo")


def test_an_unknown_node_is_told_the_known_ones() -> None:
    record = SandboxRecord("demo", 0).with_nodes(wanted_nodes(1, 0, 1))
    with pytest.raises(NoSuchNodeError) as raised:
        record.node("edge2")
    assert raised.value.hint == "its nodes are: cp1, edge1"


def test_the_second_one_is_told_who_is_first(store: Store) -> None:
    with store.lock("demo", "up"):
        with pytest.raises(LockedError) as raised, store.lock("demo", "down"):
            pass
        assert raised.value.context == f"pid {os.getpid()}: edgeadm sandbox up"
        with store.lock("other", "up"):
            pass
    with store.lock("demo", "down"):
        pass


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Store().base == Path("/var/lib/edgeadm-sandbox")
    monkeypatch.setenv("EDGEADM_SANDBOX_DIR", str(tmp_path))
    assert Store().base == tmp_path
