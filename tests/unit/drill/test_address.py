"""A drill with `--no-address` removes addresses and routes, and restores them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.config.address import HostPort
from edgeadm.drill import address
from edgeadm.drill.block import Block
from edgeadm.drill.errors import CutsOperatorError
from edgeadm.errors import CommandError, PhaseError
from edgeadm.hosts import Result
from edgeadm.node.membership import KUBELET_FLAGS
from tests.edge_node import NFT, EdgeNode, edge_node

ADDRESSES = """\
2: eth0    inet 10.0.0.21/24 metric 1024 brd 10.0.0.255 scope global dynamic eth0\\       valid_lft 300sec \
preferred_lft 200sec
2: eth0    inet6 fd00::21/64 scope global noprefixroute \\       valid_lft forever preferred_lft forever
"""
ROUTES = """\
default via 10.0.0.1 proto dhcp src 10.0.0.21 metric 1024 linkdown
10.0.0.0/24 proto kernel scope link src 10.0.0.21 metric 1024
"""
RESTORED = """\
ip addr replace 10.0.0.21/24 metric 1024 brd 10.0.0.255 dev eth0 valid_lft 300 preferred_lft 200
ip addr replace fd00::21/64 noprefixroute dev eth0
ip -4 route replace 10.0.0.0/24 proto kernel scope link src 10.0.0.21 metric 1024 dev eth0
ip -4 route replace default via 10.0.0.1 proto dhcp src 10.0.0.21 metric 1024 dev eth0
rm -f /run/edgeadm-drill-address
"""
PLACES = (HostPort("10.0.0.11", 6443),)


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    made = edge_node(tmp_path)
    made.host.files[KUBELET_FLAGS] = b'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.21"'

    def give_back(*_: object) -> Result:
        made.events.append("give back")
        del made.host.files[address.SCRIPT]
        return Result()

    def take(*_: object) -> Result:
        made.events.append("take")
        return Result()

    made.host.answers |= {
        "ip -o addr show": Result(out=ADDRESSES),
        "ip -o addr show dev eth0 scope global": Result(out=ADDRESSES),
        "ip -4 -o route show dev eth0": Result(out=ROUTES),
        "ip -6 -o route show dev eth0": Result(out="fe80::/64 proto kernel metric 256 pref medium\n"),
        "ip addr flush dev eth0": take,
        f"sh {address.SCRIPT}": give_back,
        "ss": Result(),
    }
    return made


def test_the_script_restores_all_addresses_and_routes_of_the_interface(node: EdgeNode) -> None:
    assert address.restoring(node.host, "eth0").decode() == RESTORED


def test_the_timer_starts_first_and_the_addresses_are_restored(node: EdgeNode) -> None:
    block = Block(node.host, NFT, "eth0")
    with block.blocking(PLACES, 60, refuse=False):
        assert node.host.files[address.SCRIPT].decode() == RESTORED
        assert node.timer[-1] == f"sh {address.SCRIPT}; {NFT} delete table inet edgeadm-drill"
    assert node.events == ["timer", "block", "take", "give back", "lift", "stop timer"]


def test_lift_restores_the_addresses_that_a_killed_drill_removed(node: EdgeNode) -> None:
    node.host.files[address.SCRIPT] = RESTORED.encode()
    assert Block(node.host, NFT).lift()
    assert node.events == ["give back"]
    assert not Block(node.host, NFT).lift()


def test_addresses_that_cannot_be_removed_end_the_drill(node: EdgeNode) -> None:
    node.host.answers["ip addr flush dev eth0"] = Result(code=2, err="Operation not permitted")
    with pytest.raises(CommandError), Block(node.host, NFT, "eth0").blocking(PLACES, 60, refuse=False):
        pytest.fail("there is no outage")
    assert node.events[-3:] == ["give back", "lift", "stop timer"]


@pytest.mark.parametrize(
    ("ssh", "sockets"),
    [
        ("10.0.0.5 51000 10.0.0.21 22", ""),
        ("", "0 0 10.0.0.21:22 10.0.0.5:51000\n"),
        ("", "0 0 [::ffff:10.0.0.21]:22 [::ffff:10.0.0.5]:51000 users\n"),
        ("fd00::5 51000 fd00::21 22", ""),
    ],
)
def test_interrupting_an_ssh_connection_requires_force(ssh: str, sockets: str, node: EdgeNode) -> None:
    node.host.answers["ss"] = Result(out=sockets)
    if "users" in sockets:
        node.host.answers["ss"] = Result(out=sockets.replace(" users", ""))
    with pytest.raises(CutsOperatorError) as caught:
        address.refuse_to_cut(node.host, "eth0", ssh)
    assert "--force" in caught.value.hint


@pytest.mark.parametrize("ssh", ["", "10.0.0.5 51000 192.168.7.7 22"])
def test_an_ssh_connection_through_another_interface_does_not(ssh: str, node: EdgeNode) -> None:
    node.host.answers["ss"] = Result(out="0 0 192.168.7.7:22 192.168.7.5:51000\n")
    address.refuse_to_cut(node.host, "eth0", ssh)


def test_a_node_without_an_address_has_no_interface_for_a_drill(node: EdgeNode) -> None:
    assert address.own_card(node.host) == "eth0"
    held = "9: tkeedgedns    inet 10.0.0.21/32 scope global tkeedgedns\n"
    for shown in ("", held):
        node.host.answers |= {"ip -o addr show": Result(out=shown), "ip -o route get": Result(code=2)}
        with pytest.raises(PhaseError):
            address.own_card(node.host)
