"""The networks of a cluster: by flag, else by kubeadm's document, else by default."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from edgeadm.config.kubeadm_defaults import SERVICE_DOMAIN, SERVICE_RANGE
from edgeadm.config.model import Config
from edgeadm.config.texts import address_range

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FLANNEL = "flannel"
FLANNEL_RANGE = "10.244.0.0/16"  # the range in flannel's own manifest
# kubeadm's key → the flag that overrides it.
FLAGS = {"podSubnet": "pod_network_cidr", "serviceSubnet": "service_cidr", "dnsDomain": "service_dns_domain"}


def given_network(config: Config, key: str) -> str:
    """The value of a key of `networking` in the ClusterConfiguration: the flag, else the document; empty if
    neither was given."""
    document = config.document("ClusterConfiguration").get("networking") or {}
    return str(getattr(config.kubeadm, FLAGS[key]) or document.get(key) or "")


def pod_subnet(config: Config) -> str:
    """The networks of Pods, separated by commas: the configured ones, else flannel's if edgeadm installs
    flannel; empty for another pod network."""
    return given_network(config, "podSubnet") or (FLANNEL_RANGE if config.cni == FLANNEL else "")


def pod_ranges(config: Config) -> tuple[Network, ...]:
    """The networks of Pods, one for each address family, the cluster's main family first. Raises ValueError
    for an invalid network."""
    return parsed(pod_subnet(config))


def service_ranges(config: Config) -> tuple[Network, ...]:
    """The networks of Services, one for each address family, the cluster's main family first. Raises
    ValueError for an invalid network."""
    return parsed(given_network(config, "serviceSubnet") or SERVICE_RANGE)


def service_domain(config: Config) -> str:
    """The domain of Services."""
    return given_network(config, "dnsDomain") or SERVICE_DOMAIN


def service_ranges_of(cluster: Mapping[str, Any]) -> tuple[Network, ...]:
    """The networks of Services of a running cluster, by its ClusterConfiguration. Raises ValueError for an
    invalid network."""
    return parsed(str((cluster.get("networking") or {}).get("serviceSubnet") or SERVICE_RANGE))


def service_domain_of(cluster: Mapping[str, Any]) -> str:
    """The domain of Services of a running cluster, by its ClusterConfiguration."""
    return str((cluster.get("networking") or {}).get("dnsDomain") or SERVICE_DOMAIN)


def parsed(text: str) -> tuple[Network, ...]:
    """The networks of a list that is separated by commas. Raises ValueError."""
    return tuple(address_range(part.strip()) for part in text.split(",") if part.strip())
