"""Names and addresses:

- which names a sandbox may have; what is made of them fits into 15 characters and stays apart
- which nodes are asked for, and their addresses
- which subnet is free
"""

from __future__ import annotations

import pytest

from edgeadm.sandbox import names
from edgeadm.sandbox.errors import NoFreeSubnetError, SandboxNameError


@pytest.mark.parametrize("name", ["demo", "a", "t-1234-beef", "x" * 24, "0"])
def test_names_that_will_do(name: str) -> None:
    assert names.check_sandbox_name(name) == name
    assert len(names.machine_link(name)) <= 15


@pytest.mark.parametrize("name", ["", "-a", "a-", "Demo", "a_b", "a/b", "../x", "x" * 25, "a.b", "ü", "a\n"])
def test_names_that_will_not(name: str) -> None:
    with pytest.raises(SandboxNameError):
        names.check_sandbox_name(name)


def test_alike_names_are_kept_apart() -> None:
    alike = ("demo", "demo-", "demo-1", "demo-2", "demo-switch", "demo1")
    assert len({names.machine_link(name) for name in alike}) == len(alike)
    assert len({names.nft_table(name) for name in ("a-b", "a_b")}) == 2
    assert not names.cgroup_name("demo-1", "cp1").startswith(names.cgroup_name("demo", ""))


def test_nodes_of_all_roles_have_addresses_of_their_own() -> None:
    wanted = names.wanted_nodes(40, 49, 150)
    assert [
        (node.name, node.host_number) for node in wanted if node.name.endswith("e1") or node.name == "cp1"
    ] == [
        ("cp1", 11),
        ("edge1", 101),
    ]
    numbers = [node.host_number for node in wanted]
    assert len(set(numbers)) == 239
    assert not {names.GATEWAY, names.MACHINE, 0, 255} & set(numbers)


def test_more_nodes_than_addresses() -> None:
    with pytest.raises(SandboxNameError, match="151 nodes of the role edge"):
        names.wanted_nodes(1, 0, 151)


def test_an_address_and_its_hardware_address() -> None:
    assert names.address(3, 11) == "10.77.3.11"
    assert names.mac("10.77.3.11") == "02:ed:0a:4d:03:0b"


@pytest.mark.parametrize(
    ("used", "routes", "number"),
    [
        ([], [], 0),
        ([0, 1, 3], [], 2),
        ([], ["10.77.0.0/24", "10.77.1.7", "0.0.0.0/0", "fe80::/64", "unreachable"], 2),
        ([0], ["10.77.0.0/23", "192.168.0.0/16"], 2),
    ],
)
def test_the_first_free_subnet(used: list[int], routes: list[str], number: int) -> None:
    assert names.free_number(used, routes) == number


def test_no_subnet_is_free() -> None:
    with pytest.raises(NoFreeSubnetError):
        names.free_number([], ["10.0.0.0/8"])
