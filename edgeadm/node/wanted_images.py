"""The names under which this node will be asked for images: of `init` by its configuration, of `join` by what
the cluster says, of `addon` by the components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgeadm.config.ticket import is_edge, joins_control_plane
from edgeadm.core.phase import Context
from edgeadm.hosts import facts
from edgeadm.kubeadm import images
from edgeadm.node.membership import cluster_facts
from edgeadm.node.state import kubernetes_version, runtime_is_ours


def packed_names(ctx: Context) -> list[str]:
    """The package's images for this node, by name."""
    return ctx.package.image_names() if ctx.package else []


def aliases(ctx: Context) -> dict[str, str]:
    """Name that will be asked for → image of the package that is the same but for its registry."""
    packed = packed_names(ctx)
    found = images.compare(_wanted(ctx, packed), packed).aliases
    pause = next((each for each in packed if images.component(each) == "pause"), "")
    sandbox = _foreign_sandbox(ctx)
    if pause and sandbox and sandbox not in packed:
        found[sandbox] = pause
    return found


def wanted_here(ctx: Context, cluster: Mapping[str, Any], edge: Mapping[str, str]) -> Iterator[str]:
    """What a node that joins will be asked to run, by the cluster's ClusterConfiguration, empty where kubeadm
    did not make the cluster, and by the ConfigMap edge-info."""
    packed = packed_names(ctx)
    published = edge.get("node-images", "").split()
    yield from published if is_edge(ctx.config) else ()
    if joins_control_plane(ctx.config):
        yield from images.control_plane_images(cluster, packed) if cluster else ()
    elif cluster and not (is_edge(ctx.config) and published):
        yield from images.worker_images(cluster, packed)
    if "edge-version" in edge and "edge-image-repository" in edge:
        yield from images.edge_images(edge["edge-image-repository"], edge["edge-version"], packed)


def addon_images(ctx: Context) -> list[str]:
    """What `addon` makes the cluster run of SuperEdge."""
    return images.config_edge_images(ctx.config, packed_names(ctx))


def _wanted(ctx: Context, packed: list[str]) -> Iterable[str]:
    if ctx.config.addon.kubeconfig:
        return addon_images(ctx)
    known = cluster_facts(ctx)
    if ctx.journal.verb == "join" or known is not None:
        return known.images if known else ()
    return images.init_images(ctx.config, kubernetes_version(ctx), packed)


def _foreign_sandbox(ctx: Context) -> str:
    """The sandbox image of the host's own containerd; empty where containerd is edgeadm's."""
    if ctx.package is None or runtime_is_ours(ctx):
        return ""
    found = facts.runtime(ctx.host)
    return found.sandbox_image if found else ""
