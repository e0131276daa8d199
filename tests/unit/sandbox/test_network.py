"""The second network card and the DHCP server: which commands make them, and what is remembered of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.sandbox import boot, dhcp, second, switch
from edgeadm.sandbox.errors import NoSuchNodeError
from edgeadm.sandbox.names import free_number, wanted_nodes
from edgeadm.sandbox.state import SandboxRecord, Store, parse

PLAIN = SandboxRecord("demo", 2, "/i/host", "/l/x").with_nodes(wanted_nodes(1, 0, 0))
RECORD = PLAIN.with_nodes(wanted_nodes(1, 0, 2), image="/i/bare", dhcp=True, second=second.UPLINK)


def lines(record: SandboxRecord, node: str) -> list[str]:
    found = record.node(node)
    return [" ".join(argv) for argv in (*switch.plug(record, found), *switch.give_address(record, found))]


def test_new_nodes_are_what_this_up_asks_for_and_old_ones_stay() -> None:
    assert [(node.name, node.image, node.dhcp, node.second) for node in RECORD.nodes] == [
        ("cp1", "", False, ""),
        ("edge1", "/i/bare", True, "uplink"),
        ("edge2", "/i/bare", True, "uplink"),
    ]


def test_it_is_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(RECORD)
    assert store.load("demo") == RECORD
    older = json.loads((store.folder("demo") / "sandbox.json").read_text())
    for node in older["nodes"]:
        for key in ("image", "dhcp", "second"):
            del node[key]
    assert [node.image for node in parse(older).nodes] == ["", "", ""]


def test_a_node_with_dhcp_boots_without_an_address() -> None:
    static, asked = lines(RECORD, "cp1"), lines(RECORD, "edge1")
    assert any("addr replace 10.77.2.11/24 dev eth0" in line for line in static)
    assert any("route replace default via 10.77.2.1" in line for line in static)
    assert not any("dev eth0" in line or "set eth0 up" in line for line in asked)


def test_the_default_route_is_with_the_uplink() -> None:
    static = replace(RECORD, nodes=tuple(replace(node, dhcp=False) for node in RECORD.nodes))
    routes = [line for line in lines(static, "edge1") if "default" in line]
    assert routes == ["ip -n es-demo-edge1 route replace default via 10.78.2.1 dev eth1"]
    card = static.changed("edge1", second=second.CARD)
    assert [line for line in lines(card, "edge1") if "default" in line] == [
        "ip -n es-demo-edge1 route replace default via 10.77.2.1"
    ]


@pytest.mark.parametrize(("kind", "isolated"), [(second.CARD, "off"), (second.UPLINK, "on")])
def test_nodes_reach_each_other_by_a_card_and_not_by_an_uplink(kind: str, isolated: str) -> None:
    words = lines(RECORD.changed("edge1", second=kind), "edge1")
    assert any(line.endswith(f"edge1-eth1 type bridge_slave isolated {isolated}") for line in words)
    assert any("addr add 10.78.2.101/24 dev eth1" in line for line in words)
    assert max(len(f"{node.name}-eth1") for node in PLAIN.with_nodes(wanted_nodes(40, 49, 150)).nodes) < 16


def test_a_card_that_is_gone_leaves_nothing() -> None:
    gone = RECORD.changed("edge1", second="")
    assert not any("eth1" in line for line in lines(gone, "edge1"))
    with pytest.raises(NoSuchNodeError):
        RECORD.changed("edge9", second="")


def test_what_a_boot_plugs_is_read_anew_at_each_boot(tmp_path: Path) -> None:
    runner = boot.write_script(tmp_path, RECORD, RECORD.node("edge1"), tmp_path / "package")
    assert f". {tmp_path / 'plug'}" in runner.path.read_text()
    assert "eth1" in (tmp_path / "plug").read_text()
    boot.write_network(tmp_path, RECORD.changed("edge1", second=""), RECORD.node("cp1"))
    assert "eth1" not in (tmp_path / "plug").read_text()


def test_the_server_has_a_fixed_address_for_each_node_that_asks(tmp_path: Path) -> None:
    assert dhcp.hosts(RECORD) == [
        "02:ed:0a:4d:02:65,10.77.2.101,edge1",
        "02:ed:0a:4d:02:66,10.77.2.102,edge2",
    ]
    command = dhcp.command(RECORD, tmp_path)
    assert "--port=0" in command
    assert "--dhcp-range=10.77.2.0,static,2m" in command
    assert "--conf-file=/dev/null" in command


def test_the_client_is_the_one_that_the_image_has(tmp_path: Path) -> None:
    assert list(dhcp.client_files(tmp_path)) == ["etc/systemd/network/10-eth0.network"]
    dhcp.enable_client(tmp_path / "node", tmp_path)
    assert (
        tmp_path / "node/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    ).is_symlink()
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/ifup").touch()
    assert dhcp.client_files(tmp_path) == {"etc/network/interfaces.d/eth0": dhcp.IFUPDOWN}


def test_a_number_is_free_if_both_of_its_subnets_are() -> None:
    assert free_number([], ["10.78.0.0/23", "10.77.2.0/24"]) == 3
