"""One cluster of the version, from `init` to `reset`: each test is a column of the table of
`tools/version_table.py`. Other files test these steps in detail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeadm import pki
from edgeadm.sandbox import Sandbox
from tests.e2e.cluster import DONE, TOKEN, Cluster, package_in
from tests.e2e.grid import SITES, Sites
from tests.e2e.release import KUBERNETES
from tests.e2e.sites import Site
from tests.e2e.snapshot import OF_A_BOOT, changed, snapshot
from tests.e2e.tunnel import RANGE, EdgeCluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
NODES = ("cp1", "edge1", "edge2")
UNIT = "nodeunits.superedge.io"
API = "kubernetes.default.svc.cluster.local"


@dataclass(frozen=True)
class Journey:
    """One sandbox, for the helpers of several tests."""

    sandbox: Sandbox
    bare: dict[str, dict[str, list[str]]]

    @property
    def cluster(self) -> Cluster:
        cp1 = self.sandbox.node("cp1")
        pin = pki.discovery_hash(cp1.read("/etc/kubernetes/pki/ca.crt"))
        return Cluster(self.sandbox, package_in(cp1), pin)

    @property
    def site(self) -> Site:
        return Site(self.sandbox)

    @property
    def tunnel(self) -> EdgeCluster:
        return EdgeCluster(self.sandbox)

    @property
    def grid(self) -> Sites:
        return Sites(self.cluster)

    def ready(self, name: str) -> bool:
        return self.site.ready(name) == "True"


@pytest.fixture(scope="module")
def journey(make_sandbox: Callable[..., Sandbox], package: Path) -> Journey:
    sandbox = make_sandbox(control_planes=1, edges=2, package=package)
    return Journey(sandbox, {name: snapshot(sandbox.node(name)) for name in NODES})


def test_init(journey: Journey) -> None:
    cp1 = journey.sandbox.node("cp1")
    words = ["--install-pkg-path", package_in(cp1), "--token", TOKEN, "--pod-network-cidr", RANGE]
    cp1.exec(["edgeadm", "init", *words])
    versions = json.loads(journey.cluster.kubectl("version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"] == KUBERNETES


def test_join(journey: Journey) -> None:
    for name, site in SITES.items():
        labels = f"site={site},topology.kubernetes.io/zone={site}"
        assert journey.cluster.join(name, "--node-labels", labels).out.startswith(DONE)
        assert journey.ready(name)


def test_tunnel(journey: Journey) -> None:
    journey.site.edge1.nat(on=True)
    journey.tunnel.run_web()
    until(journey.tunnel.works, "every way to a Pod goes through the tunnel")
    journey.site.edge1.nat(on=False)


def test_kube_proxy_and_flannel(journey: Journey) -> None:
    wanted = {"cp1": "kube-system", "edge1": "edge-system", "edge2": "edge-system"}

    def proxies() -> dict[str, str]:
        return {name: space for name, (space, _) in journey.grid.proxies().items()}

    until(lambda: proxies() == wanted, "each node has its kube-proxy")
    pods = journey.site.get("pods", "-n", "kube-flannel")["items"]
    of = {each["spec"]["nodeName"]: each["metadata"]["name"].rpartition("-")[0] for each in pods}
    assert of == {"cp1": "kube-flannel-ds", "edge1": "edge-flannel", "edge2": "edge-flannel"}


def test_service_groups(journey: Journey) -> None:
    journey.grid.run_example()
    until(lambda: journey.grid.ready() == {"edge1": 1, "edge2": 1}, "the application runs in both sites")
    for name in SITES:
        until(lambda name=name: journey.grid.answers(name, 3) == Counter({name: 3}), f"{name} answers itself")


def test_sites(journey: Journey) -> None:
    journey.site.apply_example("sites.yaml")
    wanted = {"site-north": UNIT, "sites": "site-north"}
    until(lambda: wanted.items() <= journey.site.labels("edge1").items(), "edge1 has its labels")
    until(lambda: journey.site.get("nodeunit", "site-north")["status"].get("readyRate") == "1/1", "counted")
    old = journey.site.get("nodeunits.v1alpha1.site.superedge.io", "site-north")["spec"]
    assert old["setnode"]["labels"]


def test_edge_dns(journey: Journey) -> None:
    until(lambda: journey.site.ask_on_node(API) == "10.96.0.1", "DNS of the node answers")


def test_edge_health(journey: Journey) -> None:
    journey.site.apply_example("edge-health.yaml")
    until(lambda: journey.site.voters() == 3, "three vote")


def test_check_autonomy(journey: Journey) -> None:
    def failed() -> list[str]:
        told = journey.site.edge1.exec(["edgeadm", "check", "autonomy", "-o", "json"], check=False).out
        return [each["code"] for each in json.loads(told)["checks"] if each["result"] == "failed"]

    until(lambda: failed() == [], "every check is content")


def test_offline_power_cut(journey: Journey) -> None:
    """Offline, killed, powered on: Pod, DNS and Services respond."""
    edge1, address = journey.site.edge1, journey.grid.address()
    edge1.link(up=False)
    journey.sandbox.power("edge1", "kill")
    journey.sandbox.power("edge1", "on")
    own = Counter({"edge1": 1})
    until(lambda: journey.grid.answers("edge1", 1, address=address) == own, "its own Pod answers the Service")
    until(lambda: journey.site.ask_on_node(API) == "10.96.0.1", "DNS of the node answers")


def test_back_online(journey: Journey) -> None:
    journey.site.edge1.link(up=True)
    until(lambda: journey.ready("edge1"), "edge1 is Ready")
    until(lambda: journey.grid.ready() == {"edge1": 1, "edge2": 1}, "the application is Ready in both sites")


def test_reset(journey: Journey) -> None:
    for name in reversed(NODES):
        node = journey.sandbox.node(name)
        node.exec(["edgeadm", "reset", "-f"])
        node.exec(["rm", "-f", "/run/asked"])  # of the tests' own DNS queries
        assert changed(journey.bare[name], node, OF_A_BOOT) == [], name


def test_nothing_was_forwarded_out_of_the_sandbox(journey: Journey) -> None:
    assert journey.sandbox.forwarded_packets() == 0
