"""Access to a cluster through a kubeconfig: the facts that hosts need to join it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeadm.cluster.base import Cluster
from edgeadm.cluster.kubeconfig import Kubeconfig, announced_server
from edgeadm.config.address import HostPort
from edgeadm.config.kubeadm_defaults import ADMIN_CONF
from edgeadm.errors import EdgeadmError


class KubeconfigError(EdgeadmError):
    """No kubeconfig was found, or it is not usable."""

    code = "kubeconfig"
    exit_code = 3


@dataclass(frozen=True)
class Access:
    """The cluster of a kubeconfig; `read` returns the content of a file, None if it does not exist."""

    path: str
    cluster: Cluster
    read: Callable[[str], bytes | None]
    kubeconfig: Kubeconfig

    def endpoint(self) -> str:
        """HOST:PORT for nodes that join: the advertised address, else that of the kubeconfig."""
        return str(HostPort.of_url(announced_server(self.cluster) or self.kubeconfig.server))

    def authority(self) -> bytes:
        """The CA certificate. Raises KubeconfigError if the kubeconfig contains none."""
        found = self.kubeconfig.authority(self.path, self.read)
        if not found:
            raise KubeconfigError(
                f"`{self.path}` does not contain the cluster's CA",
                hint=f"use one that contains it, such as the control plane's {ADMIN_CONF}",
            )
        return found
