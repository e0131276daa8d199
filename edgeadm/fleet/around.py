"""The surroundings of a fleet: its document and packages, the cluster, and the host that runs edgeadm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgeadm import yaml_text
from edgeadm.cluster import Cluster
from edgeadm.config.ranges import Network, parsed, pod_ranges, service_ranges
from edgeadm.config.ranges import service_ranges_of as services_of
from edgeadm.errors import EdgeadmError
from edgeadm.fleet import configuration
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.crowd import Around
from edgeadm.fleet.model import Fleet, Role
from edgeadm.hosts import Host, LocalHost
from edgeadm.package.opened import OpenPackage
from edgeadm.preflight.supply import HEADROOM_MIB

MIB = 1 << 20
# edgeadm: its archive, and its unpacked tree.
OVERHEAD_MIB = 300
MACHINE_ID = "/etc/machine-id"
KUBEADM_CONFIG = ("v1", "ConfigMap", "kubeadm-config", "kube-system")


def around_of(
    fleet: Fleet, cluster: Cluster | None, bundles: Bundles, here: Host | None = None, **known: Any
) -> Around:
    """The surroundings. `known` are further fields of Around; `here` is the host that runs edgeadm. Without a
    cluster, the ranges are those of the cluster that the document creates."""
    machine_id = (here or LocalHost()).read(MACHINE_ID) or b""
    pods, services = _planned(fleet) if cluster is None else _ranges(cluster)
    return Around.of(
        fleet,
        own_machine_id=machine_id.decode(errors="replace").strip(),
        pod_ranges=pods,
        service_ranges=services,
        space=space_of(bundles),
        unpacked=unpacked_of(bundles),
        **known,
    )


def space_of(bundles: Bundles) -> Callable[[str, Role], int]:
    """The space, MiB, for the files of a role beside those that `edgeadm join` unpacks: chunks and the
    package made of them. Both are compressed: together they are smaller than the files in the package. 0 for
    a package that cannot be read: another check reports that."""

    def space(arch: str, role: Role) -> int:
        try:
            manifest = bundles.manifest(arch)
        except EdgeadmError:
            return 0
        return sum(each.size for each in manifest.files if role.value in each.roles) // MIB + OVERHEAD_MIB

    return space


def unpacked_of(bundles: Bundles) -> Callable[[str, Role], int]:
    """The space, MiB, that the check DiskSpace of `edgeadm join` requires for a role; 0 for a package that
    cannot be read."""

    def unpacked(arch: str, role: Role) -> int:
        try:
            path, manifest = bundles.path(arch), bundles.manifest(arch)
        except EdgeadmError:
            return 0
        return OpenPackage(path, manifest, role.value, elsewhere=True).unpacked_mib() + HEADROOM_MIB

    return unpacked


def _ranges(cluster: Cluster) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    """The ranges of Pods and Services of a cluster that kubeadm created; none of another one."""
    found = cluster.get(*KUBEADM_CONFIG) or {}
    document = yaml_text.load((found.get("data") or {}).get("ClusterConfiguration") or "") or {}
    try:
        networking: Mapping[str, Any] = document.get("networking") or {}
        return parsed(str(networking.get("podSubnet") or "")), services_of(document) if document else ()
    except (ValueError, AttributeError):
        return (), ()


def _planned(fleet: Fleet) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    try:
        config = configuration.parsed(fleet.settings, "init")
        return pod_ranges(config), service_ranges(config)
    except (ValueError, TypeError):
        return (), ()
