"""The parts of a run on real machines: the cluster, the SSH connections, the work, and the checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from edgeadm import pki
from edgeadm.apps.facts import NAMESPACE
from edgeadm.apps.settings import remembered
from edgeadm.cluster.access import Access
from edgeadm.config.address import HostPort
from edgeadm.fleet.around import around_of
from edgeadm.fleet.cross_watch import CrossChecker
from edgeadm.fleet.documents.node_task import with_secret
from edgeadm.fleet.errors import CredentialsMissingError
from edgeadm.fleet.machine_work import MachineWork
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.run import Parts
from edgeadm.fleet.tokens import Admission, ClusterAdmission, NoCluster
from edgeadm.hosts.remote import Dialer

TUNNEL = "tunnel-cloud"


def parts_of(fleet: Fleet, access: Access | None, dialer: Callable[[], Dialer] | None = None) -> Parts:
    """The parts for a fleet whose machines join the cluster of `access`, or create it without one."""
    endpoint, ca_hash = "", ""
    tunnel: tuple[str, ...] = ()
    admission: Admission = NoCluster()
    if access is not None:
        endpoint = fleet.cluster.endpoint or access.endpoint()
        ca_hash = pki.discovery_hash(access.authority())
        tunnel = tunnel_places(access, endpoint)
        admission = ClusterAdmission(access, fleet.cluster.endpoint)
    places = tuple(each for each in (endpoint, *tunnel) if each)
    work = MachineWork(fleet, ca_hash, places)
    cluster = None if access is None else access.cluster
    around = around_of(fleet, cluster, work.bundles, endpoint=endpoint, tunnel=tunnel, ca=ca_hash)
    return Parts((dialer or _ssh)(), work, admission, CrossChecker(around))


def tunnel_places(access: Access, endpoint: str) -> tuple[str, ...]:
    """HOST:PORT of the tunnel of an edge cluster, at the address of the API server; empty without one."""
    if access.cluster.get("v1", "Service", TUNNEL, NAMESPACE) is None:
        return ()
    port = remembered(access.cluster).get("tunnel_port")
    return (str(replace(HostPort.parse(endpoint), port=int(port))),) if port else ()


def with_credentials(fleet: Fleet, access: Access) -> Fleet:
    """The fleet with the logins of the Secret that its NodeTask names. Raises CredentialsMissingError, and
    CredentialError for a Secret without a login."""
    if fleet.secret is None or not fleet.secret.name:
        return fleet
    found = access.cluster.get("v1", "Secret", fleet.secret.name, fleet.secret.namespace)
    if found is None:
        raise CredentialsMissingError(
            f"the Secret `{fleet.secret.name}` does not exist in the namespace `{fleet.secret.namespace}`",
            hint=f"create it with `kubectl -n {fleet.secret.namespace} create secret generic "
            f"{fleet.secret.name} --from-file=sshkey=FILE`",
        )
    return with_secret(fleet, found.get("data") or {})


def _ssh() -> Dialer:
    from edgeadm.hosts.ssh.dialer import SshDialer

    return SshDialer()
