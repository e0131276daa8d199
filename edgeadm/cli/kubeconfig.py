"""The cluster of a kubeconfig, for verbs that run outside its nodes."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgeadm import yaml_text
from edgeadm.cli.session import world
from edgeadm.cluster import Cluster
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Host
from edgeadm.phases.common import ADMIN_CONF

PORT = 6443


class KubeconfigError(EdgeadmError):
    """No kubeconfig was found, or it is not usable."""

    code = "kubeconfig"
    exit_code = 3


@dataclass(frozen=True)
class Access:
    """The cluster of a kubeconfig."""

    path: str
    cluster: Cluster
    host: Host
    settings: dict[str, Any]

    def endpoint(self) -> str:
        """HOST:PORT for nodes that join: the advertised address, else that of the kubeconfig."""

        info = self.cluster.get("v1", "ConfigMap", "cluster-info", "kube-public") or {}
        announced = yaml_text.load((info.get("data") or {}).get("kubeconfig") or "{}")
        server = announced.get("clusters", [{}])[0].get("cluster", {}).get("server")
        found = urlsplit(server or self.settings.get("server", ""))
        name = f"[{found.hostname}]" if ":" in (found.hostname or "") else found.hostname
        return f"{name}:{found.port or PORT}"

    def authority(self) -> bytes:
        """The CA certificate. Raises KubeconfigError if the kubeconfig contains none."""
        data = self.settings.get("certificate-authority-data")
        if data:
            return base64.b64decode(data)
        file = self.settings.get("certificate-authority")
        found = self.host.read(os.path.join(os.path.dirname(self.path), file)) if file else None  # noqa: PTH118, PTH120
        if found is None:
            raise KubeconfigError(
                f"`{self.path}` does not contain the cluster's CA",
                hint="use one that contains it, such as the control plane's /etc/kubernetes/admin.conf",
            )
        return found


def open_access(given: str | None) -> Access:
    """The cluster of the named kubeconfig, else of the first one that exists.

    Raises KubeconfigError. The API is not contacted.
    """
    here = world()
    host = here.host()
    for path in _candidates(given):
        data = host.read(path)
        if data is not None:
            return Access(path, here.cluster_of(data), host, _settings(path, data))
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


def _settings(path: str, data: bytes) -> dict[str, Any]:
    """The `cluster` part of the current context."""
    import yaml

    try:
        config = yaml_text.load(data)
        contexts = {each["name"]: each["context"] for each in config["contexts"]}
        clusters = {each["name"]: each["cluster"] for each in config["clusters"]}
        found: dict[str, Any] = clusters[contexts[config["current-context"]]["cluster"]]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise KubeconfigError(
            f"`{path}` is not a kubeconfig with a current context",
            context=str(error),
            hint="compare it with the output of `kubectl config view`",
        ) from error
    return found
