"""Additional networks of a sandbox: a DHCP server that can be stopped, and a second network interface."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgeadm.hosts.base import Result
from edgeadm.sandbox import Kind, Node, Sandbox
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
Edgeadm = Callable[..., Result]


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    from edgeadm.sandbox.supplies import ensure_tools

    ensure_tools(print, dhcp=True)
    return make_sandbox(control_planes=0, edges=2, kind=Kind(dhcp=True, second_card="uplink"))


@pytest.fixture
def edge1(sandbox: Sandbox) -> Node:
    return sandbox.node("edge1")


@pytest.fixture
def edge2(sandbox: Sandbox) -> Node:
    return sandbox.node("edge2")


def addresses(node: Node, link: str) -> list[str]:
    found = json.loads(node.exec(["ip", "-j", "-4", "addr", "show", "dev", link]).out)
    return [each["local"] for shown in found for each in shown.get("addr_info", ())]


def pings(node: Node, address: str) -> bool:
    return node.exec(["ping", "-c1", "-W1", address], check=False).code == 0


def test_a_node_gets_its_own_address_from_the_server(edge1: Node) -> None:
    until(lambda: addresses(edge1, "eth0") == [edge1.ip], "the server gave it its address")


def test_without_the_server_a_boot_gives_no_address(sandbox: Sandbox, edge1: Node, edgeadm: Edgeadm) -> None:
    edgeadm("sandbox", "dhcp", "off", "--name", sandbox.name).checked()
    sandbox.power("edge1", "kill")
    sandbox.power("edge1", "on")
    assert addresses(edge1, "eth0") == []
    until(lambda: edge1.exec(["cat", "/sys/class/net/eth0/operstate"]).out == "up\n", "its client is up")
    assert addresses(edge1, "eth0") == []
    edgeadm("sandbox", "dhcp", "on", "--name", sandbox.name).checked()
    until(lambda: addresses(edge1, "eth0") == [edge1.ip], "the server is back")


def test_an_uplink_has_the_default_route_and_leads_to_no_node(edge1: Node, edge2: Node) -> None:
    route = json.loads(edge1.exec(["ip", "-j", "route", "get", "192.0.2.1"]).out)[0]
    assert route["dev"] == "eth1"
    until(lambda: addresses(edge2, "eth0") == [edge2.ip], "both have an address")
    assert pings(edge1, edge2.ip)
    assert pings(edge1, route["gateway"])
    assert not pings(edge1, addresses(edge2, "eth1")[0])


def test_a_card_comes_and_goes_and_stays_over_a_reboot(
    sandbox: Sandbox, edge1: Node, edge2: Node, edgeadm: Edgeadm
) -> None:
    second = addresses(edge2, "eth1")[0]
    for node in ("edge1", "edge2"):
        edgeadm("sandbox", "nic", node, "remove", "--name", sandbox.name).checked()
        assert sandbox.node(node).exec(["ip", "link", "show", "eth1"], check=False).code != 0
        edgeadm("sandbox", "nic", node, "add", "--name", sandbox.name).checked()
    assert pings(edge1, second)
    before = edge1.exec(["cat", "/proc/sys/kernel/random/boot_id"]).out
    edge1.exec(["systemctl", "reboot"], check=False)
    until(
        lambda: edge1.is_ready() and edge1.exec(["cat", "/proc/sys/kernel/random/boot_id"]).out != before,
        "it has booted anew",
    )
    assert addresses(edge1, "eth1")
    assert pings(edge1, second)


def test_no_packet_left(sandbox: Sandbox, edge1: Node) -> None:
    assert not pings(edge1, "192.0.2.1")
    assert sandbox.forwarded_packets() == 0
