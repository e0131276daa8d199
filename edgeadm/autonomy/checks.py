"""All checks of an edge node's autonomy, in the order of their output."""

from __future__ import annotations

from edgeadm.autonomy.addresses import ADDRESS_CHECKS
from edgeadm.autonomy.boot import BOOT_CHECKS
from edgeadm.autonomy.cache import CACHE_CHECKS
from edgeadm.autonomy.cni import CNI_CHECKS
from edgeadm.autonomy.disk import DISK_CHECKS
from edgeadm.autonomy.dns import DNS_CHECKS
from edgeadm.autonomy.flannel import FLANNEL_CHECKS
from edgeadm.autonomy.images import IMAGE_CHECKS
from edgeadm.autonomy.kubelet import KUBELET_CHECKS
from edgeadm.autonomy.network import NETWORK_CHECKS
from edgeadm.autonomy.node import EdgeNode
from edgeadm.autonomy.server import SERVER_CHECKS
from edgeadm.checks.engine import Check

AUTONOMY_CHECKS: tuple[Check[EdgeNode], ...] = (
    *BOOT_CHECKS,
    *NETWORK_CHECKS,
    *SERVER_CHECKS,
    *KUBELET_CHECKS,
    *CNI_CHECKS,
    *FLANNEL_CHECKS,
    *ADDRESS_CHECKS,
    *DNS_CHECKS,
    *CACHE_CHECKS,
    *IMAGE_CHECKS,
    *DISK_CHECKS,
)
