"""iptables rules as text: computes the commands that remove only a cluster's chains."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

# Chains that kubelet, kube-proxy and flannel create; no other program uses these names.
CLUSTER = re.compile(r"KUBE-|FLANNEL-")
# Chains of the CNI plugins have generic names; the comment of a rule contains the network's name.
PER_CONTAINER = re.compile(r"CNI-(?!HOSTPORT-|ADMIN$|FORWARD$)")
SHARED = ("CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ")


@dataclass
class Table:
    """One table of an `iptables-save`: its own chains, and its rules in order."""

    name: str
    chains: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def rules_of(self, chain: str) -> list[str]:
        return [rule for rule in self.rules if chain_of(rule) == chain]


def parse(text: str) -> list[Table]:
    """The tables of an `iptables-save`, without built-in chains, which cannot be deleted."""
    tables: list[Table] = []
    for line in text.splitlines():
        if line.startswith("*"):
            tables.append(Table(line[1:].strip()))
        elif line.startswith(":") and tables:
            name, policy = line[1:].split()[:2]
            if policy == "-":
                tables[-1].chains.append(name)
        elif line.startswith("-A ") and tables:
            tables[-1].rules.append(line)
    return tables


def chain_of(rule: str) -> str:
    """The chain that contains a rule."""
    return rule.split(maxsplit=2)[1]


def target_of(rule: str) -> str:
    """The target of a rule, or an empty string."""
    words = shlex.split(rule)
    places = [place for place, word in enumerate(words[:-1]) if word in ("-j", "-g", "--jump", "--goto")]
    return words[places[-1] + 1] if places else ""


def cluster_chains(table: Table, network: str) -> list[str]:
    """The table's chains that a cluster with this CNI network created."""
    ours = [chain for chain in table.chains if CLUSTER.match(chain) or _is_of(table, chain, network)]
    rest = [rule for rule in table.rules if target_of(rule) not in ours]
    dispatch = [rule for rule in rest if chain_of(rule) == SHARED[0]]
    if any(chain in ours for chain in table.chains if PER_CONTAINER.match(chain)) and not dispatch:
        ours += [chain for chain in table.chains if chain in SHARED]
    return ours


def parse_chains(text: str) -> dict[str, list[str]]:
    """`family name` of each table of an `nft list chains` → its chains."""
    tables: dict[str, list[str]] = {}
    for words in (line.split() for line in text.splitlines()):
        if words[:1] == ["table"]:
            tables[" ".join(words[1:3])] = []
        elif words[:1] == ["chain"] and tables:
            tables[next(reversed(tables))].append(words[1])
    return tables


def is_idle(text: str) -> bool:
    """Whether a table or chain, as printed by `nft list`, contains no rule and accepts all packets."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    frame = ("table ", "chain ", "}")
    inside = [line for line in lines if not line.startswith(frame)]
    return bool(lines) and all(
        line.startswith("type ") and line.endswith("policy accept;") for line in inside
    )


def removal(text: str, network: str) -> str:
    """The input of `iptables-restore --noflush`, or an empty string if there is nothing to remove.

    Each table is changed atomically: first the jumps to the chains, then their rules, then the chains.
    """
    lines: list[str] = []
    for table in parse(text):
        ours = cluster_chains(table, network)
        if ours:
            lines += [f"*{table.name}", *_steps(table, ours), "COMMIT"]
    return "\n".join([*lines, ""]) if lines else ""


def _steps(table: Table, ours: list[str]) -> Iterator[str]:
    for rule in table.rules:
        if chain_of(rule) not in ours and target_of(rule) in ours:
            yield "-D" + rule[len("-A") :]
    yield from (f"-F {chain}" for chain in ours)
    yield from (f"-X {chain}" for chain in ours)


def _is_of(table: Table, chain: str, network: str) -> bool:
    """Whether a plugin's chain for a container belongs to the network, by the comments of its rules or of
    jumps to it."""
    if not PER_CONTAINER.match(chain):
        return False
    near = [rule for rule in table.rules if chain_of(rule) == chain or target_of(rule) == chain]
    return any(re.search(rf'name: \\?"{re.escape(network)}\\?"', rule) for rule in near)
