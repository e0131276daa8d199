"""Two edge nodes and their cloud: units, votes and DNS, during an outage and after a node's failure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from edgeadm.sandbox import Sandbox
from tests.e2e.sites import KILL_DNS, Site
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
UNIT = "nodeunits.superedge.io"
# Longer than a vote, and the Pod's toleration after it.
HELD = 45.0
EVICTED = 480.0  # 35 seconds to the vote and 15 more were measured


@pytest.fixture(scope="module")
def site(begin: Callable[..., Sandbox]) -> Site:
    return Site(begin())


def test_nodes_of_a_unit_get_its_labels_and_its_zone(site: Site) -> None:
    site.apply_example("sites.yaml")
    wanted = {"site-north": UNIT, "topology.kubernetes.io/zone": "north", "sites": "site-north"}
    until(lambda: wanted.items() <= site.labels("edge1").items(), "edge1 has its labels")
    until(lambda: site.labels("edge2").get("sites") == "site-south", "edge2 has its labels")
    assert "site-north" not in site.labels("edge2")
    until(lambda: site.get("nodeunit", "site-north")["status"].get("readyRate") == "1/1", "it is counted")


def test_the_older_api_is_converted_both_ways(site: Site) -> None:
    site.apply_example("site-v1alpha1.yaml")
    until(lambda: site.labels("edge2").get("room") == "cellar", "the unit of the older API works")
    new = site.get("nodeunits.v1alpha2.site.superedge.io", "site-old")["spec"]
    assert new["setNode"]["labels"]["room"] == "cellar"
    old = site.get("nodeunits.v1alpha1.site.superedge.io", "site-north")["spec"]
    assert old["setnode"]["labels"]["topology.kubernetes.io/zone"] == "north"


def test_pods_of_edge_nodes_ask_the_dns_of_their_node(site: Site) -> None:
    site.run_web()
    service = site.get("service", "web")["spec"]["clusterIP"]
    until(lambda: site.ask("web") == service, "the search domains lead to the Service")
    assert site.edge1.exec(["grep", "^nameserver", "/run/asked"]).out == "nameserver 169.254.20.11\n"
    assert site.ask("kubernetes.default.svc.cluster.local") == "10.96.0.1"
    assert site.ask("nobody.default.svc.cluster.local.") == ""


def test_while_the_cloud_does_not_hear_of_it_peers_keep_its_pods(site: Site) -> None:
    """The resolver of the node is not reachable either: external names fail immediately."""
    site.apply_example("edge-health.yaml")
    watched = ("edge1", "edge2", "cp1")
    until(lambda: all("watch-north" in site.labels(name) for name in watched), "it is known who watches")
    until(lambda: site.voters() == 3, "three vote")
    before = site.web()
    site.cut(on=True)
    until(lambda: site.ready("edge1") == "Unknown", "edge1 is NotReady")
    held = time.monotonic() + HELD
    assert site.ask("web") == site.get("service", "web")["spec"]["clusterIP"]
    site.edge1.exec(["bash", "-c", KILL_DNS])
    until(lambda: site.ask("web") != "", "DNS is back although the node is cut off")
    assert site.ask("kubernetes.default.svc.cluster.local") == "10.96.0.1"
    until(site.says_that_the_world_is_away, "names of the world fail at once")
    while time.monotonic() < held:
        assert site.web() == before
        assert not site.voted_out("edge1")
        time.sleep(2)  # the length of the outage
    assert site.taints("edge1") == {"node.kubernetes.io/unreachable:NoSchedule"}
    site.cut(on=False)
    until(lambda: site.ready("edge1") == "True" and not site.taints("edge1"), "edge1 is back")


def test_a_node_that_died_is_voted_out_and_its_pods_move(site: Site) -> None:
    """The duration is not limited."""
    before = site.web()
    site.edge1.power_cut()
    until(lambda: site.voted_out("edge1"), "the others vote it out", EVICTED)
    until(lambda: set(site.web().values()) == {"edge2"}, "the web server moves", EVICTED)
    assert not before.keys() & site.web().keys()


def test_a_node_that_boots_while_it_is_cut_off_has_its_dns(site: Site) -> None:
    site.cut(on=True)
    site.sandbox.power("edge1", "on")
    until(lambda: site.ask_on_node("kubernetes.default.svc.cluster.local") == "10.96.0.1", "DNS answers")
    assert (
        site.ask_on_node("web.default.svc.cluster.local") == site.get("service", "web")["spec"]["clusterIP"]
    )


def test_a_node_that_is_back_is_voted_in(site: Site) -> None:
    site.cut(on=False)
    until(lambda: site.ready("edge1") == "True", "edge1 is Ready")
    until(lambda: not site.voted_out("edge1") and not site.taints("edge1"), "it counts again")


def test_detach_refuses_while_there_are_units_of_users(site: Site) -> None:
    ended = site.cp1.exec(["edgeadm", "detach", "edge-apps", "-o", "json"], check=False)
    error = json.loads(ended.out)["error"]
    assert (error["code"], "NodeUnit/site-north" in error["message"]) == ("sites", True)


def test_detach_takes_definitions_and_labels_back(site: Site) -> None:
    """The last test of this file."""
    for name in ("edge-health.yaml", "site-v1alpha1.yaml"):
        site.delete_example(name)
    until(lambda: "room" not in site.labels("edge2"), "the labels of a deleted unit are gone")
    site.cp1.exec(["edgeadm", "detach", "edge-apps", "--force"])
    for name in ("cp1", "edge1", "edge2"):
        labels = site.labels(name)
        assert not [key for key, value in labels.items() if value == UNIT]
        assert not {"topology.kubernetes.io/zone", "sites"} & labels.keys()
    assert not [each for each in site.names("customresourcedefinitions") if each.endswith("superedge.io")]
    assert "edge-health-admission" not in site.names("mutatingwebhookconfigurations")
    until(lambda: not {"edge-system", "kins-system"} & site.names("namespaces"), "both namespaces are gone")
