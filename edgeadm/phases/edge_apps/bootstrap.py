"""Bootstrap objects of clusters that kubeadm did not create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.apps.announced import announced_domain, announced_services, authority, dns_address, server
from edgeadm.apps.facts import has_cluster
from edgeadm.apps.objects import BOOTSTRAP, COMPONENT_LABEL, find
from edgeadm.core.phase import Context
from edgeadm.kubeadm import compat
from edgeadm.kubeadm.tokens import DEFAULT_GROUP
from edgeadm.phases.edge_apps.component import Component
from edgeadm.render import OWNER_LABEL

NODES = "system:nodes"
CSR = "system:certificates.k8s.io:certificatesigningrequests"
BINDINGS = (
    ("kubeadm:get-nodes", "kubeadm:get-nodes", DEFAULT_GROUP),
    ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", DEFAULT_GROUP),
    ("kubeadm:node-autoapprove-bootstrap", f"{CSR}:nodeclient", DEFAULT_GROUP),
    ("kubeadm:node-autoapprove-certificate-rotation", f"{CSR}:selfnodeclient", NODES),
)


@dataclass(frozen=True)
class Bootstrap(Component):
    """The bootstrap objects of clusters that kubeadm did not create: cluster-info, the configurations of
    kubeadm and kubelet, and the permissions of bootstrap tokens. Existing objects are not changed."""

    name: str = BOOTSTRAP
    summary: str = "create missing bootstrap objects"
    template: str = "addons/bootstrap.yaml"

    def values(self, ctx: Context) -> dict[str, Any]:
        version = kubernetes_release(ctx)
        services = announced_services(ctx)
        return {
            "authority": pki.encoded(authority(ctx)),
            "server": server(ctx),
            "kubeadm_api": compat.config_api(version),
            "kubernetes_version": version,
            "services": services,
            "domain": announced_domain(ctx),
            "dns": dns_address(ctx, services),
            "bindings": BINDINGS,
        }

    def objects(self, ctx: Context) -> list[dict[str, Any]]:
        """Those that are not there, and those that are ours."""
        return [obj for obj in super().objects(ctx) if not self._is_theirs(ctx, obj)]

    def _is_theirs(self, ctx: Context, obj: dict[str, Any]) -> bool:
        found = find(ctx.connect(), obj) if has_cluster(ctx) else None
        labels = ((found or {}).get("metadata") or {}).get("labels") or {}
        ours = {OWNER_LABEL: "edgeadm", COMPONENT_LABEL: self.name}
        return found is not None and not ours.items() <= labels.items()


def kubernetes_release(ctx: Context) -> str:
    """The cluster's version without what a vendor has added to it: v1.34.4."""
    return compat.release(ctx.connect().version()) or compat.OLDEST_RELEASE
