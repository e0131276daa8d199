"""Two sites with an application in each, and a Service that stays within them: by preference, and
strictly."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edgeadm.hosts.process import execute
from edgeadm.sandbox import Node, Sandbox, names
from tests.e2e.cluster import cluster_of
from tests.e2e.grid import ASKED, NOBODY, SITES, Sites
from tests.e2e.release import KUBERNETES
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
BOTH = {"edge1": 1, "edge2": 1}
CACHE = "/data/lite-apiserver/cache"
# What kube-proxy keeps asking for: with it in the cache it can start without the cloud.
LISTS = ("endpointslices", "services", "servicecidrs", "nodes_edge1")
NATIVE, STRICT = ["kube-proxy"], ["kube-proxy", "application-grid-wrapper", "splitter"]
WHO_SERVES = """
import socket, ssl, sys
trust = ssl.create_default_context(cadata=sys.argv[1])
host = sys.argv[2]
with trust.wrap_socket(socket.create_connection((host, 443), 10), server_hostname=host) as answer:
    print(dict(part[0] for part in answer.getpeercert()["subject"])["commonName"])
"""


@pytest.fixture(scope="module")
def sites(begin: Callable[..., Sandbox]) -> Sites:
    """edge1 is one site by its label, edge2 another; its lite-apiserver has its own port."""
    found = Sites(cluster_of(begin()))
    for name, site in SITES.items():
        assert site == found.cluster.kubectl("get", "node", name, "-o", "jsonpath={.metadata.labels.site}")
        found.cluster.kubectl("label", "node", name, f"topology.kubernetes.io/zone={site}")
    found.run_example()
    until(lambda: found.ready() == BOTH, "the application runs in both sites")
    return found


def who_serves(node: Node, address: str) -> str:
    """The name in the certificate at the address, as the node sees it. It has to be of the cluster's CA."""
    authority = node.read("/etc/kubernetes/pki/ca.crt").decode()
    space = names.node_netns(node.sandbox.name, node.name)
    words = [sys.executable, "-c", WHO_SERVES, authority, address]
    return execute(["ip", "netns", "exec", space, *words]).checked().out.strip()


@contextmanager
def emptied(sites: Sites, name: str) -> Iterator[None]:
    """The node without a Pod of the application."""
    left = {each: count for each, count in BOTH.items() if each != name}
    sites.empty(name)
    try:
        until(lambda: sites.ready() == left, f"no Pod of the application is on {name}")
        yield
    finally:
        sites.fill(name)
        until(lambda: sites.ready() == BOTH, "the application runs in both sites again")


def until_asked(sites: Sites, on: str, answered: str) -> None:
    """Return once the rules on a node lead only there. A few responses are no proof: as long as kube-proxy
    does not know the zone of its node, or has the rules of its predecessor, it balances between the sites."""
    count = 3 if answered == NOBODY else ASKED  # each request without a response takes its time-out
    wanted = Counter({answered: count})
    until(lambda: sites.answers(on, count) == wanted, f"{answered or 'nobody'} answers on {on}")


def test_edge_nodes_have_a_kube_proxy_that_lives_by_lite_apiserver(sites: Sites) -> None:
    until(lambda: len(sites.proxies()) == 3, "kube-proxy runs everywhere")
    of_the_edge = ("edge-system", NATIVE)
    assert sites.proxies() == {
        "cp1": ("kube-system", NATIVE),
        "edge1": of_the_edge,
        "edge2": of_the_edge,
    }
    kept = sites.node("edge1").exec(["ls", CACHE]).out.split()
    names = [f"kube-proxy_{KUBERNETES}__{each}_" for each in LISTS]
    assert [each for each in names if not any(each in name for name in kept)] == []


@pytest.mark.parametrize("name", ["cp1", *SITES])
def test_the_address_of_the_api_leads_edge_nodes_to_their_own_lite_apiserver(name: str, sites: Sites) -> None:
    wanted = f"system:node:{name}" if name in SITES else "kube-apiserver"
    assert who_serves(sites.node(name), "10.96.0.1") == wanted


def test_edge_nodes_have_a_flannel_of_their_own(sites: Sites) -> None:
    found = json.loads(sites.cluster.kubectl("-n", "kube-flannel", "get", "pods", "-o", "json"))["items"]
    of = [(each["spec"]["nodeName"], each["metadata"]["name"].rpartition("-")[0]) for each in found]
    assert sorted(of) == [("cp1", "kube-flannel-ds"), ("edge1", "edge-flannel"), ("edge2", "edge-flannel")]


def test_the_clouds_dns_stays_there(sites: Sites) -> None:
    found = json.loads(sites.cluster.kubectl("-n", "kube-system", "get", "pods", "-o", "json"))["items"]
    on_edge = [each["metadata"]["name"] for each in found if each["spec"].get("nodeName") in SITES]
    assert on_edge == []


@pytest.mark.parametrize("name", SITES)
def test_each_site_is_answered_by_its_own_pods(name: str, sites: Sites) -> None:
    until_asked(sites, name, name)
    assert sites.answers(name) == Counter({name: ASKED})
    assert sites.answers(name, inside=True) == Counter({name: ASKED})


def test_who_is_in_no_site_is_answered_by_both(sites: Sites) -> None:
    assert set(sites.answers("cp1", 3 * ASKED)) == set(SITES)


def test_a_site_whose_pods_are_gone_is_answered_by_the_other(sites: Sites) -> None:
    with emptied(sites, "edge2"):
        until_asked(sites, "edge2", "edge1")
        assert sites.answers("edge2") == Counter({"edge1": ASKED})
    until_asked(sites, "edge2", "edge2")


def test_a_kube_proxy_that_restarts_while_the_cable_is_cut_comes_back(sites: Sites) -> None:
    edge1, address = sites.node("edge1"), sites.address()
    edge1.link(up=False)
    try:
        # No rule for a Service exists: they have to be recreated.
        edge1.exec(["nft", "flush", "chain", "ip", "nat", "KUBE-SERVICES"])
        assert sites.answers("edge1", 1, address=address) == Counter({NOBODY: 1})
        edge1.exec(["pkill", "-KILL", "-x", "kube-proxy"])
        own = Counter({"edge1": ASKED})
        # A request that starts before the rules are restored gets no response for its whole time-out, because
        # conntrack keeps its connection without NAT. The cut alone loses no request (0 of 273), and the node
        # keeps its address. One of 20 later requests may get no response; the cause of that is not known yet.
        until(lambda: sites.answers("edge1", address=address) == own, "kube-proxy has restored its rules")
    finally:
        edge1.link(up=True)
    until(lambda: sites.cluster.condition("edge1") == "True", "the node is back")
    until(lambda: sites.ready() == BOTH, "the application is ready in both sites again")


def test_strict_sites_are_answered_by_their_own_pods_or_by_nobody(sites: Sites) -> None:
    sites.addon("phase", "application-grid", "--service-group", "strict")
    sites.addon("phase", "kube-proxy", "--service-group", "strict")
    until(
        lambda: [sites.proxies().get(name, ("", []))[1] for name in SITES] == [STRICT] * 2,
        "edge nodes have the strict kube-proxy",
    )
    for name in SITES:
        # kube-proxy has the rules of its predecessor until its first synchronisation.
        until(lambda name=name: sites.answers(name) == Counter({name: ASKED}), f"{name} answers its own site")
    with emptied(sites, "edge2"):
        until_asked(sites, "edge2", NOBODY)
        assert sites.answers("edge2", 5) == Counter({NOBODY: 5})
        assert sites.answers("edge1") == Counter({"edge1": ASKED})
    until_asked(sites, "edge2", "edge2")


def test_detach_refuses_while_there_are_grids(sites: Sites) -> None:
    words = ["edgeadm", "detach", "edge-apps", "phase", "application-grid"]
    ended = sites.cluster.cp1.exec(words, check=False)
    assert ended.code == 2
    assert "DeploymentGrid/default/who, ServiceGrid/default/who [grids-in-use]" in ended.err


def test_detach_takes_grids_kinds_and_affinities_back(sites: Sites) -> None:
    """The last test of this file."""
    sites.cluster.cp1.exec(["edgeadm", "detach", "edge-apps", "--force"])
    kinds = ("get", "customresourcedefinitions", "-o", "name")
    until(lambda: "superedge.io" not in sites.cluster.kubectl(*kinds), "the kinds of grids are gone")
    until(lambda: sites.address() == "", "the Service of the grid is gone")
    until(lambda: sites.cluster.kubectl("get", "deployments", "-o", "name") == "", "its Deployments are gone")
    for kind, name in (("daemonset", "kube-proxy"), ("deployment", "coredns")):
        found = json.loads(sites.cluster.kubectl("-n", "kube-system", "get", kind, name, "-o", "json"))
        assert "nodeAffinity" not in found["spec"]["template"]["spec"].get("affinity", {})
    everywhere = dict.fromkeys(("cp1", *SITES), ("kube-system", NATIVE))
    until(lambda: sites.proxies() == everywhere, "edge nodes have the cloud's kube-proxy again")
    plan = json.loads(sites.cluster.cp1.exec(["edgeadm", "detach", "edge-apps", "plan", "-o", "json"]).out)
    gone = ("application-grid", "kube-proxy", "pod-network", "cloud-only")
    assert [each["needed"] for each in plan["phases"] if each["phase"] in gone] == [False] * 4
