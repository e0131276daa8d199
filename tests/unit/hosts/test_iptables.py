"""Which rules go with a cluster, on the output of real `iptables-save` and of machines with foreign rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeadm.hosts.iptables import cluster_chains, is_idle, parse, parse_chains, removal, target_of
from tests.packetfilter import applied

CASES = Path(__file__).parents[2] / "cases" / "iptables"
NETWORK = "cbr0"


def case(name: str) -> str:
    return (CASES / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["control-plane", "control-plane-v6"])
def test_after_it_nothing_of_the_cluster_is_left(name: str) -> None:
    left = applied(case(name), removal(case(name), NETWORK))
    assert not re.search("KUBE|FLANNEL|CNI", left)
    assert not [line for line in left.splitlines() if line.startswith("-A")]
    assert [line for line in left.splitlines() if line.startswith(":")] == [
        line for line in case(name).splitlines() if line.startswith(":") and " - " not in line
    ]


def test_foreign_rules_stay_to_the_letter() -> None:
    text = case("mixed")
    left = applied(text, removal(text, NETWORK))
    gone = [line for line in text.splitlines() if line not in left.splitlines()]
    ours = ("KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-POSTROUTING", "CNI-DN-0b8f0d2b1c3a4d5e6f708")
    assert {line for line in gone if not any(name in line for name in ours)} == set()
    assert "before -j KUBE-FIREWALL there was this" in left
    assert ":MY-KUBE-LIKE" in left
    assert ":INPUT DROP [12:720]" in left


def test_the_plugins_shared_chains_stay_while_another_network_uses_them() -> None:
    left = applied(case("mixed"), removal(case("mixed"), NETWORK))
    assert ":CNI-HOSTPORT-DNAT" in left
    assert ":CNI-0c8b1d2f3a4b5c6d7e8f9a0b" in left
    alone = "\n".join(
        line for line in case("mixed").splitlines() if "podman" not in line and "f00dfeed" not in line
    )
    alone = alone.replace(":CNI-0c8b1d2f3a4b5c6d7e8f9a0b - [0:0]\n", "")
    assert "CNI-" not in applied(alone, removal(alone, NETWORK)).replace('"CNI portfwd', "")


def test_removing_twice_finds_nothing_the_second_time() -> None:
    left = applied(case("mixed"), removal(case("mixed"), NETWORK))
    assert removal(left, NETWORK) == ""
    assert removal("", NETWORK) == ""


def test_only_tables_that_hold_something_are_named() -> None:
    wanted = removal(case("mixed"), NETWORK)
    assert wanted.count("COMMIT") == 2
    assert "-F DOCKER" not in wanted
    tables = {table.name: cluster_chains(table, NETWORK) for table in parse(case("mixed"))}
    assert tables["filter"] == ["KUBE-FIREWALL", "KUBE-FORWARD"]


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        ('-A INPUT -m comment --comment "goes -j X" -j KUBE-A', "KUBE-A"),
        ("-A INPUT -g CHAIN", "CHAIN"),
        ("-A KUBE-X -p tcp", ""),
        ("-A NAT -j DNAT --to-destination 1.2.3.4:5", "DNAT"),
    ],
)
def test_a_rules_target_is_its_last_jump(rule: str, target: str) -> None:
    assert target_of(rule) == target


CHAINS = """table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy accept;
\t}

\tchain DOCKER {
\t}
}
table ip6 nat {
}
"""


def test_tables_and_chains_are_read_from_nft() -> None:
    assert parse_chains(CHAINS) == {"ip filter": ["INPUT", "DOCKER"], "ip6 nat": []}
    assert parse_chains("") == {}


@pytest.mark.parametrize(
    ("inside", "idle"),
    [
        ("", True),
        ("type filter hook input priority filter; policy accept;", True),
        ("type filter hook input priority filter; policy drop;", False),
        ("ip saddr 198.51.100.7 counter packets 0 bytes 0 drop", False),
    ],
)
def test_what_holds_no_rule_and_lets_everything_pass_is_idle(inside: str, idle: bool) -> None:
    assert is_idle(f"table ip filter {{\n\tchain INPUT {{\n\t\t{inside}\n\t}}\n}}\n") is idle


def test_what_cannot_be_listed_is_not_idle() -> None:
    assert not is_idle("")
