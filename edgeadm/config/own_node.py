"""The configured name, address and port of this node, by flag, else by kubeadm's document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeadm.config.model import Config


def given_name(config: Config) -> str:
    """The configured name of this node; empty if the host name is used."""
    registration = config.node_document.get("nodeRegistration") or {}
    return str(config.kubeadm.node_name or registration.get("name") or "")


def advertise_address(config: Config) -> str:
    """The configured address of this node's own API server; empty if edgeadm determines it."""
    given = config.kubeadm.apiserver_advertise_address or local_endpoint(config).get("advertiseAddress")
    return str(given or "")


def local_endpoint(config: Config) -> Mapping[str, Any]:
    """`localAPIEndpoint` of the user's document about this node; empty if there is none."""
    document = config.node_document
    found: Mapping[str, Any] = (document.get("controlPlane") or document).get("localAPIEndpoint") or {}
    return found


def given_address(config: Config) -> str:
    """The configured address of this node; empty if edgeadm determines it."""
    return config.join.node_ip or advertise_address(config)
