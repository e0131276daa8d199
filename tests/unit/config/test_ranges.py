"""The networks of a cluster have one answer, wherever they were given and wherever they are asked for:

- a flag goes before kubeadm's document, the document before the default, of every address family
- `validate`, preflight, kubeadm's configuration, the pod network and the edge components agree
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from edgeadm.apps import facts
from edgeadm.checks.engine import WRONG, run_checks, with_result
from edgeadm.config import Config, KubeadmFlags, validate
from edgeadm.config.ranges import pod_ranges, pod_subnet, service_domain, service_ranges
from edgeadm.errors import ConfigError
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.kubeadm.documents import cluster_document
from edgeadm.phases import cni
from edgeadm.preflight.network import NETWORK_CHECKS
from edgeadm.preflight.subject import Subject
from tests.machine import Machine

OVERLAPPING = "10.96.0.0/16 overlaps the Service range 10.96.0.0/12"


def asked(
    pods: str | None = None, services: str | None = None, more: Any = None, cni: str = "flannel"
) -> Config:
    networking = {"kind": "ClusterConfiguration", "networking": more}
    flags = KubeadmFlags(pod_network_cidr=pods, service_cidr=services)
    return Config(cni=cni, kubeadm=flags, kubeadm_documents=(networking,) if more else ())


def overlaps(config: Config, address: str) -> list[str]:
    """The findings of preflight about the ranges on a machine with this address."""
    line = f"2: eth0    inet {address}/24 brd + scope global eth0\\       valid_lft forever\n"
    host = FakeHost(answers={"ip -o addr show": Result(out=line)})
    checks = [each for each in NETWORK_CHECKS if each.code == "NetworkOverlap"]
    found = run_checks(checks, Subject(host, config, "v1.37.2"))
    return [each.text for each in with_result(found, *WRONG)]


@pytest.mark.parametrize(
    ("config", "address", "said"),
    [
        (asked("192.168.0.0/16"), "192.168.1.5", "pod network range 192.168.0.0/16"),
        (asked(), "10.244.3.7", "pod network range 10.244.0.0/16"),
        (asked(cni="none"), "10.244.3.7", ""),
        (asked(more={"podSubnet": "172.20.0.0/16"}), "172.20.0.9", "pod network range 172.20.0.0/16"),
        (asked(more={"podSubnet": "172.20.0.0/16"}), "10.244.3.7", ""),
        (asked(more={"serviceSubnet": "172.21.0.0/16"}), "172.21.0.9", "Service range 172.21.0.0/16"),
        (asked(more={"serviceSubnet": "172.21.0.0/16"}), "10.96.0.9", ""),
        (asked("10.1.0.0/16,10.2.0.0/16"), "10.1.0.9", "pod network range 10.1.0.0/16"),
        (asked("10.1.0.0/16", more={"podSubnet": "172.20.0.0/16"}), "172.20.0.9", ""),
    ],
)
def test_preflight(config: Config, address: str, said: str) -> None:
    found = overlaps(config, address)
    assert len(found) == bool(said)
    assert said in "".join(found)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (asked("10.96.0.0/16,fd00::/48"), f"--pod-network-cidr: {OVERLAPPING}"),
        (asked("fd00::/48,10.96.0.0/16"), f"--pod-network-cidr: {OVERLAPPING}"),
        (
            asked(more={"podSubnet": "10.96.0.0/16"}),
            f"networking.podSubnet of the ClusterConfiguration: {OVERLAPPING}",
        ),
        (
            asked(services="10.244.0.0/20"),
            "--service-cidr: 10.244.0.0/20 overlaps 10.244.0.0/16, flannel's default range of Pods",
        ),
        (asked(services="10.244.0.0/20", cni="none"), ""),
        (asked("10.1.0.0/16", "10.1.2.0/24", {"serviceSubnet": "10.9.0.0/16"}), "10.1.0.0/16 overlaps"),
        (asked(more={"serviceSubnet": "10.0.0.0/8"}), "ClusterConfiguration: 10.0.0.0/8 has more than 20"),
        (asked(more={"podSubnet": "10.1.0.0"}), "podSubnet of the ClusterConfiguration: `10.1.0.0` is not a"),
        (asked("fd00::/48", "fd00::1:0/112"), "fd00::/48 overlaps the Service range fd00::1:0/112"),
    ],
)
def test_validate(config: Config, said: str) -> None:
    if not said:
        validate(config)
        return
    with pytest.raises(ConfigError) as caught:
        validate(config)
    assert said in f"{caught.value.message}\n{caught.value.context}"


def test_the_virtual_address_is_compared_with_defaults_as_well() -> None:
    with pytest.raises(ConfigError, match=r"10\.244\.0\.9 is in --pod-network-cidr"):
        validate(Config(edge_virtual_addr="10.244.0.9"))
    validate(Config(edge_virtual_addr="10.244.0.9"), "addon edge-apps")  # its cluster may have other ranges


@pytest.mark.parametrize("flag", [None, "10.1.0.0/16"])
@pytest.mark.parametrize("document", [None, "10.2.0.0/16,fd00::/56"])
@pytest.mark.parametrize("network", ["flannel", "none"])
def test_all_agree_before_there_is_a_cluster(
    flag: str | None, document: str | None, network: str, tmp_path: Path
) -> None:
    """A dry run asks before kubeadm's configuration is written."""
    more = {"podSubnet": document, "serviceSubnet": "10.9.0.0/16", "dnsDomain": "shop.local"}
    config = asked(flag, more=more if document else None, cni=network)
    wanted = flag or document or ("10.244.0.0/16" if network == "flannel" else "")
    assert pod_subnet(config) == wanted
    assert pod_ranges(config) == tuple(ip_network(each) for each in wanted.split(",") if each)
    written = cluster_document(config.kubeadm, config.kubeadm_documents, "v1.37.2").get("networking", {})
    assert written.get("podSubnet", "") in (wanted, "" if wanted == "10.244.0.0/16" else wanted)
    ctx = Machine(tmp_path).context(config)
    if wanted:
        assert cni.values(ctx)["pod_cidr_v4"] == wanted.split(",")[0]
    services = ip_network("10.9.0.0/16" if document else "10.96.0.0/12")
    assert facts.service_range(ctx) == service_ranges(config)[0] == services
    assert facts.planned_tunnel_address(ctx) == ("10.9.0.80" if document else "10.96.0.80")
    assert facts.domain(ctx) == service_domain(config) == ("shop.local" if document else "cluster.local")
