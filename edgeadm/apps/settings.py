"""The settings of the components' deployment, stored in the cluster as defaults for later runs. Joining nodes
read some of them, so they contain no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeadm.apps.facts import NAMESPACE
from edgeadm.cluster import Cluster
from edgeadm.config import Config

CONFIG_MAP = "edge-info"
OF_CONFIG = (
    "edge_virtual_addr",
    "edge_version",
    "edge_image_repository",
    "tunnel_port",
    "edge_health_voters",
    "service_group",
)
OF_ADDON = ("master_public_addr",)


def to_remember(config: Config) -> dict[str, str]:
    """Key and value of each setting that was given."""
    found = {name: getattr(config, name) for name in OF_CONFIG}
    found |= {name: getattr(config.addon, name) for name in OF_ADDON}
    return {_key(name): str(value) for name, value in found.items() if value != ""}


def remembered(cluster: Cluster) -> dict[str, Any]:
    """The settings by field name; empty without the components."""
    data: Mapping[str, str] = (cluster.get("v1", "ConfigMap", CONFIG_MAP, NAMESPACE) or {}).get("data") or {}
    found: dict[str, Any] = {name: data[_key(name)] for name in (*OF_CONFIG, *OF_ADDON) if _key(name) in data}
    if not str(found.get("tunnel_port", "")).isdecimal():
        found.pop("tunnel_port", None)
    return found | {name: int(value) for name, value in found.items() if name == "tunnel_port"}


def _key(name: str) -> str:
    return name.replace("_", "-")
