"""`edgeadm nodes import`: the kind of a file of another tool, and its NodeFleet."""

from __future__ import annotations

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.fleet.documents.import_ansible import from_ini, from_yaml
from edgeadm.fleet.documents.import_k0sctl import from_k0sctl, is_k0sctl
from edgeadm.fleet.documents.imported import Imported
from edgeadm.fleet.documents.text import read_documents

AUTO, INI, YAML, K0SCTL = "auto", "ansible-ini", "ansible-yaml", "k0sctl"
KINDS = (AUTO, INI, YAML, K0SCTL)


def imported(text: str, source: str, kind: str = AUTO) -> Imported:
    """The NodeFleet of the text. AUTO tells the kinds apart by content. Raises ConfigSyntaxError."""
    if kind == INI:
        return from_ini(text, source)
    try:
        document = read_documents(text, source)[0]
    except ConfigSyntaxError:
        if kind != AUTO:
            raise
        return from_ini(text, source)
    if kind == K0SCTL or (kind == AUTO and is_k0sctl(document)):
        return from_k0sctl(document if isinstance(document, dict) else {}, source)
    if kind == AUTO and not isinstance(document, dict):
        return from_ini(text, source)
    return from_yaml(document, source)
