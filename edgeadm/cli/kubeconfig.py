"""The cluster of a kubeconfig, for verbs that run outside its nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgeadm.cli.session import world
from edgeadm.cluster.access import Access, KubeconfigError
from edgeadm.cluster.kubeconfig import Kubeconfig, NotAKubeconfigError, parse
from edgeadm.node.state import ADMIN_CONF


def open_access(given: str | None) -> Access:
    """The cluster of the named kubeconfig, else of the first one that exists.

    Raises KubeconfigError. The API is not contacted.
    """
    here = world()
    host = here.host()
    for path in _candidates(given):
        data = host.read(path)
        if data is not None:
            return Access(path, here.cluster_of(data), host.read, _parsed(path, data))
    raise KubeconfigError(
        f"`{given}` does not exist" if given else "no kubeconfig found",
        hint=f"run the command on a control plane, or pass `--kubeconfig` with a copy of its {ADMIN_CONF}",
    )


def _candidates(given: str | None) -> Iterator[str]:
    if given:
        yield str(Path(given).expanduser())
        return
    variable = os.environ.get("KUBECONFIG", "")
    yield from (part for part in variable.split(":") if part)
    if not variable:
        yield str(Path("~/.kube/config").expanduser())
        yield ADMIN_CONF


def _parsed(path: str, data: bytes) -> Kubeconfig:
    """The cluster of the current context. Raises KubeconfigError."""
    try:
        found, why = parse(data), ""
    except NotAKubeconfigError as error:
        found, why = Kubeconfig(""), str(error)
    if not found.context:
        raise KubeconfigError(
            f"`{path}` is not a kubeconfig with a current context",
            context=why,
            hint="compare it with the output of `kubectl config view`",
        )
    return found
