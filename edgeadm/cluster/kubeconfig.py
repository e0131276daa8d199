"""The cluster of a kubeconfig: its address and its CA."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeadm import yaml_text
from edgeadm.cluster.base import Cluster
from edgeadm.config.address import HostPort

Read = Callable[[str], bytes | None]


class NotAKubeconfigError(ValueError):
    """A text is not a kubeconfig, or contains no cluster."""


@dataclass(frozen=True)
class Kubeconfig:
    """The cluster of a kubeconfig. `context` is the name of its current context, empty if it has none;
    `ca_file` is the path of a CA in a separate file."""

    server: str
    ca: bytes = b""
    ca_file: str = ""
    context: str = ""

    @property
    def address(self) -> HostPort:
        """Host and port of the server."""
        return HostPort.of_url(self.server)

    def authority(self, path: str, read: Read) -> bytes:
        """The CA's certificate: the embedded one, else that of the file, whose path is relative to the
        directory of the kubeconfig at `path`; empty without either."""
        if self.ca or not self.ca_file:
            return self.ca
        return read(posixpath.join(posixpath.dirname(path), self.ca_file)) or b""


def parse(text: bytes | str | None) -> Kubeconfig:
    """The cluster without a name, else that of the current context, as kubeadm chooses it
    (`app/util/kubeconfig`, GetClusterFromKubeConfig); without a current context the only cluster there is.
    Raises NotAKubeconfigError."""
    import yaml

    try:
        config: Any = yaml_text.load(text or b"")
        clusters = {str(each.get("name") or ""): each["cluster"] for each in config.get("clusters") or []}
        contexts = {str(each["name"]): each["context"] for each in config.get("contexts") or []}
        context = str(config.get("current-context") or "")
        wanted = str(contexts[context]["cluster"]) if context in contexts else ""
        found: Any = clusters.get("") or clusters.get(wanted)
        if found is None and not context and len(clusters) == 1:
            found = next(iter(clusters.values()))
        return Kubeconfig(
            str(found["server"]).rstrip("/"),
            base64.b64decode(found.get("certificate-authority-data") or ""),
            str(found.get("certificate-authority") or ""),
            context if context in contexts else "",
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise NotAKubeconfigError(str(error)) from error


def server_of(text: bytes | str | None) -> str:
    """https://HOST:PORT of a kubeconfig; empty if it names no server."""
    try:
        return parse(text).server
    except NotAKubeconfigError:
        return ""


def is_whole(text: bytes | None) -> bool:
    """Whether a kubeconfig is complete: an interrupted write lacks the current context, which is near the end
    of the file."""
    return text is not None and b"current-context" in text


def announced_server(cluster: Cluster) -> str:
    """https://HOST:PORT that the cluster advertises to joining hosts, in kube-public/cluster-info; empty
    without it."""
    info = cluster.get("v1", "ConfigMap", "cluster-info", "kube-public") or {}
    return server_of((info.get("data") or {}).get("kubeconfig"))
