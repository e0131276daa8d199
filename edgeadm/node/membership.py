"""The node's record of its cluster, and whether it has joined one."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from edgeadm import pki
from edgeadm.cluster import kubeconfig
from edgeadm.cluster.web import discovery_file
from edgeadm.config import kubeadm_defaults
from edgeadm.config.ticket import Ticket
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError, PhaseError
from edgeadm.hosts import Host
from edgeadm.node.state import KUBELET_CONF, kubeadm_was_cut_off

FACTS = "/etc/edgeadm/cluster.json"
CLIENT = kubeadm_defaults.KUBELET_CLIENT
KUBELET_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
BOOTSTRAP = kubeadm_defaults.BOOTSTRAP_KUBELET_CONF


class OtherClusterError(EdgeadmError):
    """This host is a node of another cluster than the one to join."""

    code = "other-cluster"
    exit_code = 2


@dataclass(frozen=True)
class ClusterFacts:
    """What discovery found: where the API is, its CA, and what nodes have to agree on. `address` is where the
    name in `server` leads, when this machine has to be told; `certificates` is kubeadm's folder;
    `edge_programs` are those that edge nodes run of the pod network and of Services, by name;
    `service_ranges` are the networks of Services, none if an older edgeadm made the record; `images` are
    those that this node will be asked to run."""

    server: str
    ca: str
    kubernetes: str
    service_ip: str
    domain: str
    virtual_address: str = ""
    bind_port: int = kubeadm_defaults.API_PORT
    cni: str = ""
    address: str = ""
    tunnel_address: str = ""
    certificates: str = ""
    edge_dns: bool = False
    edge_programs: tuple[str, ...] = ()
    service_ranges: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    def text(self) -> bytes:
        """As it is kept on the node."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


def cluster_facts(ctx: Context) -> ClusterFacts | None:
    """What an earlier phase found; None before discovery."""
    return facts_on(ctx.host)


def facts_on(host: Host) -> ClusterFacts | None:
    """The facts of a host outside of a phase."""
    text = host.read(FACTS)
    try:
        known = json.loads(text) if text else None
        if known is None:
            return None
        lists = {name: tuple(known.get(name, ())) for name in ("edge_programs", "service_ranges", "images")}
        return ClusterFacts(**known | lists)
    except (ValueError, TypeError, AttributeError):
        return None


def kubelet_address(host: Host) -> str:
    """This node's address as kubelet was told it; empty if it was not."""
    found = re.search(rb"--node-ip=([0-9a-fA-F.:]+)", host.read(KUBELET_FLAGS) or b"")
    return found[1].decode() if found else ""


def known_facts(ctx: Context) -> ClusterFacts:
    """The facts for a phase that requires them. Raises PhaseError."""
    found = cluster_facts(ctx)
    if found is None:
        raise PhaseError("the cluster has not been discovered yet", hint="run the phase `discover` first")
    return found


def has_credentials(ctx: Context) -> bool:
    """Whether the kubelet has joined: its kubeconfig is complete, and its certificate and key match."""
    whole = kubeconfig.is_whole(ctx.host.read(KUBELET_CONF))
    pair = ctx.host.read(CLIENT) if whole else None
    if not pair:
        return False
    at = pair.find(b"PRIVATE KEY-----")
    return pki.fits(pair, pair[pair.rfind(b"-----BEGIN", 0, at) :]) if at > 0 else False


def is_member(ctx: Context) -> bool:
    """Whether this machine is a node: it has its credentials, and no join of ours was cut off."""
    return not kubeadm_was_cut_off(ctx, "join") and has_credentials(ctx)


def is_of(ctx: Context, ticket: Ticket) -> bool:
    """Whether the cluster of this node is the one of the ticket: they have the same CA."""
    ours = _authority(ctx.host.read(KUBELET_CONF))
    if ticket.by_file:
        return ours == _authority(discovery_file(ticket))
    return ticket.trust_anyone or ours in ticket.ca_hashes


def _authority(text: bytes | None) -> str:
    """The discovery hash of a kubeconfig's CA; empty if it has none."""
    try:
        return pki.discovery_hash(kubeconfig.parse(text).ca)
    except (kubeconfig.NotAKubeconfigError, pki.BadCertificateError):
        return ""
