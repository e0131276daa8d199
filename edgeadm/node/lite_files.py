"""What is where of lite-apiserver on an edge node, and what its certificate says."""

from __future__ import annotations

from edgeadm.config.address import HostPort
from edgeadm.config.kubeadm_defaults import KUBERNETES
from edgeadm.node.membership import ClusterFacts

FOLDER = f"{KUBERNETES}/edge"
PAIR = f"{FOLDER}/lite-apiserver.pem"  # key and certificate in one file: they can only change together
AUTHORITY = f"{FOLDER}/ca.crt"
TLS = f"{FOLDER}/tls.json"
LOCAL = f"{FOLDER}/local.conf"
DATA = "/data/lite-apiserver"
CACHE = f"{DATA}/cache"
LINK = "tkeedgedns"


def addresses(virtual: str, service_ip: str) -> list[str]:
    """The addresses under which clients on an edge node meet lite-apiserver."""
    return [virtual, "127.0.0.1", service_ip]


def names(domain: str) -> list[str]:
    """The names under which Pods know the API server."""
    return [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{domain}",
    ]


def place_of(facts: ClusterFacts, port: int) -> str:
    """ADDRESS:PORT of this node's lite-apiserver."""
    return str(HostPort(facts.virtual_address, port))


def address_of(facts: ClusterFacts, port: int) -> str:
    """https://ADDRESS:PORT of this node's lite-apiserver."""
    return HostPort(facts.virtual_address, port).url
