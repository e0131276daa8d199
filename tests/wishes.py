"""What users ask of each verb in tests that run all of them."""

from __future__ import annotations

from edgeadm.config import Config, JoinFlags, KubeadmFlags
from edgeadm.core.workflow import Workflow
from edgeadm.pki import discovery_hash
from tests.machine import authority

ROLES = {"init": "control-plane", "join": "edge"}


def asked(workflow: Workflow) -> Config:
    """A usual configuration of the verb; a join is that of an edge node."""
    if workflow.name != "join":
        return Config(kubeadm=KubeadmFlags(pod_network_cidr="192.168.0.0/16"))
    flags = JoinFlags(
        api_server_endpoint="10.0.0.11:6443",
        discovery_token_ca_cert_hash=(discovery_hash(authority()[0]),),
    )
    return Config(kubeadm=KubeadmFlags(token="abcdef.0123456789abcdef"), join=flags)
