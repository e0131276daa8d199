"""Files of a node: /etc/hosts, the script that runs it, edgeadm's layer, the package, the key."""

from __future__ import annotations

import re
from pathlib import Path

from edgeadm.sandbox import boot, hostsfile, keys, layer
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord

RECORD = SandboxRecord("demo", 2).with_nodes(wanted_nodes(1, 0, 1))
OWN = "127.0.0.1 localhost\n10.0.0.9 mine # kept\n"


def test_hosts_has_every_node_once_and_keeps_other_lines() -> None:
    once = hostsfile.render(OWN, RECORD)
    assert once.startswith(OWN)
    assert once.splitlines()[3:5] == ["10.77.2.11 cp1", "10.77.2.101 edge1"]
    assert hostsfile.render(once, RECORD) == once
    more = hostsfile.render(once + "10.0.0.8 added\n", RECORD.with_nodes(wanted_nodes(2, 0, 0)))
    assert more.count("cp1") == 1
    assert "10.77.2.12 cp2\n" in more
    assert "10.0.0.8 added\n" in more


def test_hosts_of_an_empty_file_knows_localhost(tmp_path: Path) -> None:
    hostsfile.update(tmp_path / "hosts", RECORD)
    assert (tmp_path / "hosts").read_text().startswith("127.0.0.1 localhost\n")


def test_the_network_of_a_boot_is_ready_before_its_init(tmp_path: Path) -> None:
    runner = boot.write_script(tmp_path, RECORD, RECORD.node("edge1"), tmp_path / "package")
    script, network = runner.path.read_text(), (tmp_path / "plug").read_text()
    text = script.replace(f". {tmp_path / 'plug'}", network)
    order = ("netns del es-demo-edge1", "netns add es-demo-edge1", "cable-down", "systemd-nspawn --quiet")
    assert sorted(order, key=text.index) == list(order)
    assert "--hostname=edge1" in text
    assert "10.77.2.101/24" in text
    assert not re.search(r"[{}]{2}|\{[a-z]+\}", text.replace("{}", "")), "a placeholder was not filled in"


def test_a_runner_that_is_gone_is_not_mistaken_for_another_process(
    tmp_path: Path,
) -> None:
    runner = boot.Runner(tmp_path / "run")
    assert runner.pid() is None
    (tmp_path / "run.pid").write_text("1 12345678901")
    assert runner.pid() is None
    runner.forget()
    assert not (tmp_path / "run.pid").exists()


def test_the_layer_takes_no_room_and_is_made_once(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "_internal").mkdir(parents=True)
    (tree / "edgeadm").write_text("program")
    said: list[str] = []
    made = layer.make_layer(tmp_path / "layers", tree, said.append)
    assert (made / "opt/edgeadm/edgeadm").samefile(tree / "edgeadm")
    assert (made / "usr/local/bin/edgeadm").readlink() == Path("/opt/edgeadm/edgeadm")
    assert layer.make_layer(tmp_path / "layers", tree, said.append) == made
    assert len(said) == 1
    (tree / "edgeadm").unlink()
    (tree / "edgeadm").write_text("another program")
    assert layer.make_layer(tmp_path / "layers", tree, said.append) != made
    assert sorted(entry.name[0] for entry in (tmp_path / "layers").iterdir()).count(".") == 0


def test_the_package_shown_is_the_last_one_given(tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar.zst", tmp_path / "two.tar.zst"
    one.write_text("1")
    two.write_text("2")
    shown = tmp_path / "shown"
    for package, there in (
        (None, []),
        (one, ["one.tar.zst"]),
        (None, ["one.tar.zst"]),
        (two, ["two.tar.zst"]),
    ):
        layer.show_package(shown, package)
        assert [entry.name for entry in shown.iterdir()] == there
    two.unlink()
    two.write_text("changed")
    layer.show_package(shown, two)
    assert (shown / "two.tar.zst").read_text() == "changed"


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    private = tmp_path / "ssh/id"
    public = keys.public_key(private)
    assert public.startswith("ssh-ed25519 ")
    assert keys.public_key(private) == public
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.read_text().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_the_events_of_network_cards_are_replayed_once_udev_listens() -> None:
    """Otherwise systemd-networkd waits for them for ever."""
    after = [line for line in layer.UDEV_TRIGGER.splitlines() if line.startswith("After=")]
    assert "systemd-udevd.service" in after[0]
