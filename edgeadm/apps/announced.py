"""The API server's advertised address and CA for joining hosts, from the kubeconfig in use."""

from __future__ import annotations

import re

from edgeadm.apps.facts import LOOPBACK, domain, kubeconfig, kubeconfig_path, service_range
from edgeadm.config.address import HostPort
from edgeadm.config.kubeadm_defaults import API_PORT
from edgeadm.core.phase import Context
from edgeadm.errors import ApiError, EdgeadmError

# An unassigned address (RFC 5737): the API server rejects it, and names the range that it accepts.
NOBODYS = "192.0.2.1"
RANGE = re.compile(r"range of valid IPs is ([0-9a-fA-F:.]+/\d+)")
ZONE = re.compile(r"^\s*kubernetes\s+([a-z0-9.-]+)", re.MULTILINE)
DNS_OFFSET = 10  # kubeadm's place for the cluster's DNS in the range of Services


class NoServerError(EdgeadmError):
    """The address at which joining hosts reach the API server is unknown."""

    code = "no-api-server-address"
    exit_code = 3


def server(ctx: Context) -> str:
    """https://HOST:PORT for machines that join: as asked for, else the kubeconfig's unless that is this
    machine's own loopback, else what the API server announces inside the cluster. Raises NoServerError."""
    given = ctx.config.addon.master_public_addr
    if given:
        return HostPort.parse(given).url
    found = kubeconfig(ctx).address
    if found.host and not LOOPBACK.fullmatch(found.host):
        return found.url
    for subset in (ctx.connect().get("v1", "Endpoints", "kubernetes", "default") or {}).get("subsets") or []:
        for address in subset.get("addresses") or []:
            port = (subset.get("ports") or [{}])[0].get("port") or API_PORT
            return HostPort(address["ip"], port).url
    raise NoServerError(
        "the kubeconfig contains no API server address that other hosts can reach",
        hint="pass it as `--master-public-addr HOST:PORT`",
    )


def authority(ctx: Context) -> bytes:
    """The CA that has signed the API server's certificate: the kubeconfig's, else the one that the cluster
    gives to Pods."""
    found = kubeconfig(ctx).authority(kubeconfig_path(ctx), ctx.host.read)
    if found:
        return found
    given = ctx.connect().get("v1", "ConfigMap", "kube-root-ca.crt", "kube-system") or {}
    return str((given.get("data") or {}).get("ca.crt", "")).encode()


def announced_services(ctx: Context) -> str:
    """The range of Service addresses as the API server itself names it when it refuses one; else what else is
    known."""
    probe = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "edgeadm-probe", "namespace": "default"},
        "spec": {"clusterIP": NOBODYS, "ports": [{"port": 80, "protocol": "TCP"}]},
    }
    try:
        ctx.connect().differing([probe])
    except ApiError as refused:
        found = RANGE.search(refused.context)
        if found:
            return found[1]
    return str(service_range(ctx))


def announced_domain(ctx: Context) -> str:
    """The domain of Services as the cluster's CoreDNS has it, else what else is known."""
    corefile = (ctx.connect().get("v1", "ConfigMap", "coredns", "kube-system") or {}).get("data") or {}
    found = ZONE.search(corefile.get("Corefile", ""))
    return found[1] if found else domain(ctx)


def dns_address(ctx: Context, services: str) -> str:
    """The cluster's DNS: the Service of that name or label, else kubeadm's place for it."""
    import ipaddress

    every = ctx.connect().list_objects("v1", "Service", "kube-system")
    for each in every:
        meta = each["metadata"]
        if meta["name"] == "kube-dns" or (meta.get("labels") or {}).get("k8s-app") == "kube-dns":
            return str(each["spec"]["clusterIP"])
    return str(ipaddress.ip_network(services, strict=False)[DNS_OFFSET])
