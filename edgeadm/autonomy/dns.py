"""Checks that Pods can resolve names while the node is offline."""

from __future__ import annotations

import re

from edgeadm.autonomy.node import KUBELET_CONFIG, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, not_applicable, ok

GROUP = "dns"
KUBEADM_FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
NO_EDGE_DNS = "the cluster has no DNS for edge nodes: names resolve only while the cloud is reachable"


def _answers(node: EdgeNode) -> Outcome:
    if not node.facts.edge_dns:
        return not_applicable(NO_EDGE_DNS)
    server, wanted = node.facts.virtual_address, node.facts.service_ip
    name = f"kubernetes.default.svc.{node.facts.domain}"
    found = node.nearby.addresses(server, name)
    if not found:
        return failed(f"no DNS server at {server} resolves {name}")
    if wanted not in found:
        return failed(f"{name} resolves to {', '.join(found)} there instead of {wanted}")
    return ok(f"{name} is {wanted}")


def _asked(node: EdgeNode) -> Outcome:
    if not node.facts.edge_dns:
        return not_applicable(NO_EDGE_DNS)
    found, wanted = _flag(node) or node.kubelet_config.get("clusterDNS") or [], [node.facts.virtual_address]
    if found == wanted:
        return ok(f"Pods use {wanted[0]}")
    return failed(f"Pods use {', '.join(map(str, found)) or 'no server'} instead of {wanted[0]}")


def _flag(node: EdgeNode) -> list[str]:
    """DNS servers on the kubelet's command line, which overrides its configuration."""
    text = (node.host.read(KUBEADM_FLAGS) or b"").decode(errors="replace")
    found = re.findall(r"--cluster-dns[= ]([^\s\"']+)", text)
    return str(found[-1]).split(",") if found else []


DNS_CHECKS = (
    Check(
        "dns-answers",
        GROUP,
        "the node's DNS resolves Services",
        _answers,
        hint="check that the Pod edge-system/edge-coredns runs: `crictl ps --name coredns`, `crictl logs`",
    ),
    Check(
        "dns-asked",
        GROUP,
        "Pods use the node's DNS",
        _asked,
        hint=f"set `clusterDNS` in {KUBELET_CONFIG} and `systemctl restart kubelet`, then recreate the Pods",
    ),
)
