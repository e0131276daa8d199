"""Output of `edgeadm-node` about this node: its cache, addresses, Pods and images."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from edgeadm.hosts import Host
from edgeadm.node.offline_files import HELPER

PATIENCE = 30.0
MISSING = (126, 127)
WRONG_COMMAND_LINE = 2


@dataclass(frozen=True)
class Told:
    """One output. `fault` is the reason if there is none, or a problem that the program reports; with
    `absent`, the program is missing or does not support the command."""

    document: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    absent: bool = False

    def every(self, name: str) -> list[dict[str, Any]]:
        """The list with this name, or an empty list."""
        return [each for each in self.document.get(name) or [] if isinstance(each, dict)]


def ask_helper(host: Host, verb: str) -> Told:
    """`edgeadm-node VERB -o json`."""
    answer = host.ask(HELPER, verb, "-o", "json", timeout=PATIENCE)
    said = (answer.err.strip() or answer.out.strip()).splitlines()[-1:]
    fault = said[0] if said and answer.code else ""
    if answer.code in MISSING:
        return Told(fault=f"{HELPER} cannot be executed", absent=True)
    if answer.code == WRONG_COMMAND_LINE:
        return Told(fault=f"{HELPER} does not support `{verb}`: it is older than this edgeadm", absent=True)
    try:
        document = json.loads(answer.out)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return Told(fault=fault or f"the output of `edgeadm-node {verb}` is not JSON")
    return Told(document, fault)
