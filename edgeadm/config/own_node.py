"""The user's answers about this node: its name and its address, by flag, else by kubeadm's document."""

from __future__ import annotations

from edgeadm.config.model import Config


def given_name(config: Config) -> str:
    """The name that the user gave to this node; empty if it is left to the host name."""
    registration = config.node_document.get("nodeRegistration") or {}
    return str(config.kubeadm.node_name or registration.get("name") or "")


def advertise_address(config: Config) -> str:
    """The address that the user gave for this node's own API server; empty if it is left to edgeadm."""
    document = config.node_document
    local = (document.get("controlPlane") or document).get("localAPIEndpoint") or {}
    return str(config.kubeadm.apiserver_advertise_address or local.get("advertiseAddress") or "")


def given_address(config: Config) -> str:
    """The address that the user gave for this node; empty if it is left to edgeadm."""
    return config.join.node_ip or advertise_address(config)
