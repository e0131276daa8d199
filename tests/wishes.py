"""What users ask of each verb in tests that run all of them, and the machines that they run it on."""

from __future__ import annotations

from pathlib import Path

from edgeadm.config import Config, JoinFlags, KubeadmFlags
from edgeadm.core.workflow import Workflow
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.machine import Machine

ROLES = {"init": "control-plane", "join": "edge"}


def machine_for(workflow: Workflow, folder: Path) -> Machine:
    """A machine that the verb makes sense on: bare, or a control plane that somebody made with kubeadm."""
    machine = Machine(folder, role=ROLES.get(workflow.name, "control-plane"))
    if workflow.name in ("addon edge-apps", "addon fleet", "certs renew"):
        machine.make_control_plane()
    if workflow.name == "addon fleet":
        machine.add_edge_components()
    return machine


def asked(workflow: Workflow) -> Config:
    """A usual configuration of the verb: the first of several control planes, a join of an edge node."""
    if workflow.name != "join":
        flags = KubeadmFlags(pod_network_cidr="192.168.0.0/16", control_plane_endpoint="10.0.0.100")
        return Config(default_ha="keepalived", kubeadm=flags)
    joining = JoinFlags(
        api_server_endpoint="10.0.0.11:6443",
        discovery_token_ca_cert_hash=(discovery_hash(authority()[0]),),
    )
    return Config(kubeadm=KubeadmFlags(token="abcdef.0123456789abcdef"), join=joining)
