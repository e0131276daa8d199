"""Saved states of a sandbox: disks, link state and NAT are restored, with the same addresses; copies run in
parallel; incomplete states are not listed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Node, Sandbox, Store, names, saved
from edgeadm.sandbox.errors import NoSavedStateError
from tests.e2e.conftest import MakeSandbox
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
Edgeadm = Callable[..., Result]
LATE = os.urandom(1 << 20) * 8


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("package") / "some-package.tar.zst"
    file.write_bytes(b"not looked into")
    return file


@pytest.fixture(scope="module")
def sandbox(make_sandbox: MakeSandbox, package: Path) -> Sandbox:
    return make_sandbox(control_planes=1, edges=1, package=package)


@pytest.fixture(scope="module")
def state(sandbox: Sandbox, store: Store, edgeadm: Edgeadm) -> Iterator[str]:
    """The sandbox is saved with data on each disk, edge1 behind NAT with its link down."""
    name = sandbox.name
    for node in sandbox.nodes:
        node.write("/root/kept", f"of {node.name}\n")
        node.write("/var/lib/containerd/kept", "on the disk itself\n", 0o600)
    sandbox.node("edge1").link(up=False)
    sandbox.node("edge1").nat(on=True)
    sandbox.power("edge1", "off")
    # A mount namespace that was made meanwhile keeps the disk mounted, as those of other sandboxes do.
    holder = subprocess.Popen(["unshare", "--mount", "sleep", "infinity"])
    try:
        sandbox.node("cp1").write("/var/lib/containerd/late", LATE)
        edgeadm("sandbox", "save", name, "--name", name).checked()
    finally:
        holder.kill()
        holder.wait()
    yield name
    with suppress(NoSavedStateError):
        saved.delete(store, name)


def test_what_was_written_last_is_on_the_saved_disk(
    sandbox: Sandbox, state: str, make_copy: Callable[[str], Sandbox]
) -> None:
    assert make_copy(state).node("cp1").read("/var/lib/containerd/late") == LATE


def read(node: Node) -> tuple[bytes, bytes]:
    return node.read("/root/kept"), node.read("/var/lib/containerd/kept")


def keys(sandbox: Sandbox) -> bytes:
    return sandbox.node("cp1").read("/etc/ssh/ssh_host_ed25519_key.pub")


def test_it_is_listed_and_the_nodes_that_ran_run_again(
    sandbox: Sandbox, state: str, edgeadm: Edgeadm
) -> None:
    rows = json.loads(edgeadm("sandbox", "saved", "-o", "json").checked().out)
    (row,) = [row for row in rows if row["name"] == state]
    assert (row["nodes"], row["subnet"]) == (["cp1", "edge1"], str(names.subnet(sandbox.record.number)))
    assert row["size"] > 0
    assert state in edgeadm("sandbox", "saved").checked().out
    assert {node.name: node.state for node in sandbox.ls()} == {"cp1": "running", "edge1": "off"}


def test_a_state_is_never_overwritten(sandbox: Sandbox, state: str, edgeadm: Edgeadm) -> None:
    again = edgeadm("sandbox", "save", state, "--name", sandbox.name)
    assert (again.code, "[saved-state-exists]" in again.err) == (1, True)
    assert sandbox.node("cp1").is_ready()


def test_restored_it_is_what_it_was(sandbox: Sandbox, state: str, edgeadm: Edgeadm) -> None:
    before, own = [node.ip for node in sandbox.nodes], keys(sandbox)
    sandbox.node("cp1").write("/root/kept", "changed\n")
    sandbox.node("edge1").link(up=True)
    rows = json.loads(
        edgeadm("sandbox", "restore", state, "--name", sandbox.name, "-o", "json").checked().out
    )
    assert [(row["name"], row["ip"], row["link"], row["nat"], row["ready"]) for row in rows] == [
        ("cp1", before[0], "up", "off", True),
        ("edge1", before[1], "down", "on", True),
    ]
    assert [read(node) for node in sandbox.nodes] == [
        (f"of {name}\n".encode(), b"on the disk itself\n") for name in ("cp1", "edge1")
    ]
    assert keys(sandbox) == own
    assert sandbox.node("cp1").read("/mnt/package/some-package.tar.zst") == b"not looked into"


def test_a_second_sandbox_needs_the_same_subnet_and_is_refused(
    sandbox: Sandbox, state: str, edgeadm: Edgeadm
) -> None:
    refused = edgeadm("sandbox", "restore", state, "--name", f"{sandbox.name}x")
    assert (refused.code, "[subnet-taken]" in refused.err) == (1, True)
    assert str(names.subnet(sandbox.record.number)) in refused.err


def test_a_detached_copy_runs_beside_it(
    sandbox: Sandbox, state: str, make_copy: Callable[[str], Sandbox]
) -> None:
    """Both have the same addresses, and are isolated from each other."""
    copy = make_copy(state)
    assert [node.ip for node in copy.nodes] == [node.ip for node in sandbox.nodes]
    copy.node("cp1").write("/root/kept", "of the copy\n")
    assert sandbox.node("cp1").read("/root/kept") == b"of cp1\n"
    for each in (sandbox, copy):
        each.power("edge1", "on")
        each.node("edge1").link(up=True)
        each.node("edge1").nat(on=False)
        dial = ["timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/edge1/22 && head -1 <&3"]
        until(
            lambda each=each, dial=dial: "SSH" in each.node("cp1").exec(dial, check=False).out, "a neighbour"
        )
        mac = each.node("edge1").exec(["cat", "/sys/class/net/eth0/address"]).out
        assert mac.strip() == names.mac(each.node("edge1").ip)
    copy.power("edge1", "kill")
    assert sandbox.node("edge1").is_ready()
    link = execute(["ip", "link", "show", names.machine_link(copy.name)])
    assert link.code != 0, "this machine has no cable to it"


def test_a_detached_copy_has_no_way_out_either(state: str, make_copy: Callable[[str], Sandbox]) -> None:
    copy = make_copy(state)
    cp1 = copy.node("cp1")
    before = copy.refused_packets()
    machine = cp1.ip.rsplit(".", 1)[0] + ".254"
    cp1.exec(["ip", "route", "add", "198.51.100.7/32", "via", machine])
    for address in ("198.51.100.7", "198.51.100.8", machine):
        dial = ["timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{address}/22"]
        assert cp1.exec(dial, check=False).code != 0, address
    assert copy.refused_packets() > before
    assert copy.forwarded_packets() == 0


def test_what_was_cut_short_is_not_there(store: Store, state: str, edgeadm: Edgeadm) -> None:
    """A killed save leaves a directory with another name; the next one deletes it."""
    half = store.saved / f".{state}-half.part" / "nodes"
    half.mkdir(parents=True)
    try:
        assert f"{state}-half" not in edgeadm("sandbox", "saved").checked().out
        gone = edgeadm("sandbox", "restore", f"{state}-half", "--name", f"{state}x")
        assert (gone.code, "[no-saved-state]" in gone.err, state in gone.err) == (1, True, True)
    finally:
        half.rmdir()
        half.parent.rmdir()


def test_a_deleted_state_is_gone(store: Store, state: str, edgeadm: Edgeadm) -> None:
    """The last test of this file: it deletes the state."""
    edgeadm("sandbox", "saved", "--delete", state).checked()
    assert not (store.saved / state).exists()
    assert not (store.saved / f".{state}.lock").exists()
    assert state not in edgeadm("sandbox", "saved").checked().out
