"""The API server for a Pod, with the token of its service account."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeadm.cluster.kube import PATIENCE, KubeCluster
from edgeadm.config.address import HostPort
from edgeadm.errors import ApiError, UnreachableError

PORT = "KUBERNETES_SERVICE_PORT"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PIECE = 1 << 18


def kubeconfig(folder: Path = ACCOUNT, environ: Mapping[str, str] = os.environ) -> bytes:
    """A kubeconfig with the current token. Raises UnreachableError outside a Pod."""
    try:
        token = (folder / "token").read_text(encoding="utf-8").strip()
        ca = (folder / "ca.crt").read_bytes()
        host = HostPort(environ["KUBERNETES_SERVICE_HOST"], int(environ.get(PORT, "443")))
    except (OSError, KeyError, ValueError) as error:
        raise UnreachableError(
            "this process has no service account of a cluster",
            context=str(error),
            hint="it runs in a Pod that `edgeadm addon fleet` starts",
        ) from error
    cluster = {"server": host.url, "certificate-authority-data": base64.b64encode(ca).decode()}
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "account", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "account"}}],
        "current-context": "here",
    }
    return json.dumps(document).encode()


@dataclass
class InCluster(KubeCluster):
    """Reads the token again when kubelet has renewed it. May be used by several threads."""

    kubeconfig: bytes = b""
    folder: Path = ACCOUNT
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def authority(self) -> bytes:
        """The CA of the cluster, PEM."""
        return (self.folder / "ca.crt").read_bytes()

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of a path of the API from an offset on, such as of a Service's proxy. Raises ApiError,
        UnreachableError."""
        from urllib3.exceptions import HTTPError

        client = self._api().client
        token = (self.folder / "token").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {token}"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        url = client.configuration.host + path
        try:
            answer = client.rest_client.pool_manager.request(
                "GET", url, headers=headers, preload_content=False, timeout=PATIENCE[1], retries=False
            )
            try:
                if answer.status != (206 if start else 200):
                    raise ApiError(f"{path}: the API server answered {answer.status} {answer.reason}")
                yield from answer.stream(PIECE)
            finally:
                answer.release_conn()
                answer.close()
        except (HTTPError, OSError) as error:
            raise UnreachableError(f"{path}: {error}") from error

    def _api(self) -> Any:
        with self._lock:
            now = kubeconfig(self.folder)
            if now != self.kubeconfig:
                self.kubeconfig, self._client = now, None
            return super()._api()
