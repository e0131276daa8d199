"""Edge nodes without faults, also those for which some checks do not apply."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgeadm.autonomy.cached import body, is_of
from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.autonomy.disk import bound
from edgeadm.autonomy.images import full_name
from edgeadm.autonomy.node import open_node
from edgeadm.errors import NotAnEdgeNodeError, OtherNodeError
from edgeadm.hosts import Result
from edgeadm.node import units
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.lite_files import CACHE, LOCAL
from edgeadm.node.membership import FACTS
from tests.steady_node import FLANNEL_NODE, NAME, EdgeNode, cached, flannel_node


@pytest.fixture
def node(tmp_path: Path) -> EdgeNode:
    return EdgeNode(tmp_path)


def applying(node: EdgeNode) -> dict[str, str]:
    return {each.code: each.result.value for each in node.findings()}


def test_a_healthy_node_passes_every_check(node: EdgeNode) -> None:
    assert {code for code, result in applying(node).items() if result != "ok"} == set()
    assert node.host.ran == []


def test_every_check_has_a_unique_code_a_statement_and_a_hint() -> None:
    codes = [each.code for each in AUTONOMY_CHECKS]
    assert len(codes) == len(set(codes)) >= 22
    for each in AUTONOMY_CHECKS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.code)
        assert each.statement
        assert not each.statement.endswith(".")
        assert each.hint


def test_checks_of_components_that_the_cluster_lacks_are_not_applicable(node: EdgeNode) -> None:
    node.knows(edge_dns=False, edge_programs=("flannel",))
    node.forget("CoreDNS")
    node.told["pods"]["pods"].pop()
    node.forget("kube-proxy")
    found = applying(node)
    assert {found[code] for code in ("dns-answers", "dns-asked", "cache-dns", "cache-kube-proxy")} == {
        "not applicable"
    }
    assert node.wrong() == {}


def test_another_pod_network_is_one_warning(node: EdgeNode) -> None:
    node.knows(cni="none", edge_programs=())
    del node.host.files[CONFLIST]
    assert node.wrong() == {"cni-first": "warning"}
    assert applying(node)["address-records"] == "not applicable"


def test_the_cni_configuration_identifies_flannel_if_the_cluster_facts_do_not(node: EdgeNode) -> None:
    node.knows(cni="", edge_programs=())
    assert node.wrong() == {}
    assert applying(node)["cni-memory"] == "ok"


def test_repair_may_be_inactive_before_the_first_boot(node: EdgeNode) -> None:
    node.units["edgeadm-repair"]["ActiveState"] = "inactive"
    assert node.wrong() == {}


def test_no_hint_starts_repair_on_a_running_node() -> None:
    for each in AUTONOMY_CHECKS:
        assert not re.search(r"(start|--now) edgeadm-repair", each.hint), each.code


def test_a_kubelet_without_watches_for_lists_needs_no_feature_gate(node: EdgeNode) -> None:
    node.host.answers["kubelet --version"] = Result(out="Kubernetes v1.30.0\n")
    for each in node.told["cache"]["entries"]:
        each["userAgent"] = each["userAgent"].replace("v1.36.3", "v1.30.0")
    assert applying(node)["kubelet-lists"] == "not applicable"


@pytest.mark.parametrize("status", [200, 404, 503])
def test_lite_apiserver_is_ok_with_and_without_the_cloud(node: EdgeNode, status: int) -> None:
    node.nearby.answer = status
    told = next(each for each in node.findings() if each.code == "lite-answers")
    assert told.result == "ok"
    assert ("the cloud is not reachable" in told.text) == (status != 200)


def test_another_port_of_lite_apiserver_is_read_from_its_kubeconfig(node: EdgeNode) -> None:
    for path in (LOCAL, "/etc/kubernetes/kubelet.conf"):
        node.host.files[path] = node.host.files[path].replace(b"51003", b"52003")
    table = node.host.answers["/usr/lib/edgeadm/edge/nft list table ip edgeadm"]
    assert isinstance(table, Result)
    node.host.answers["/usr/lib/edgeadm/edge/nft list table ip edgeadm"] = Result(
        out=table.out.replace("51003", "52003")
    )
    assert node.wrong() == {}


def test_checks_that_need_an_unreadable_fact_refer_to_the_check_that_owns_it(node: EdgeNode) -> None:
    node.host.answers["/usr/bin/edgeadm-node cache -o json"] = Result(code=1, err="no such file")
    findings = {each.code: each for each in node.findings()}
    assert findings["cache-whole"].text == "no such file"
    assert findings["cache-dns"].text == "not checked: see `cache-whole`"


def test_a_new_entry_needs_no_copy_yet(node: EdgeNode) -> None:
    node.entry("CoreDNS").update(snapshot=False, ageSeconds=2)
    assert node.wrong() == {}


def test_a_compressed_entry_is_read(node: EdgeNode) -> None:
    node.host.files[f"{CACHE}/{FLANNEL_NODE}"] = flannel_node(packed=True)
    assert node.wrong() == {}
    assert body(cached({"a": 1})) == {"a": 1}
    for broken in (b"", b"{}", b"[]", b'{"code":200,"body":"?"}', b'{"body":"e30="'):
        assert body(broken) is None


def test_eviction_thresholds_of_the_user_replace_the_defaults(node: EdgeNode) -> None:
    path = "/var/lib/kubelet/config.yaml"
    node.host.answers["df -Pk"] = Result(out="F B U A\n/dev/vda 1000 1 90 1% /\n")
    node.host.files[path] += b"evictionHard: {nodefs.available: 5%}\n"
    assert node.wrong() == {}
    node.host.files[path] += b"mergeDefaultEvictionSettings: true\n"
    assert node.wrong() == {"disk-free": "failed"}


@pytest.mark.parametrize(
    ("text", "number"), [("10%", 100), ("1Gi", 1 << 30), ("500M", 500e6), ("7", 7), ("few", 0)]
)
def test_eviction_thresholds_are_parsed_as_by_the_kubelet(text: str, number: float) -> None:
    assert bound(text, 1000) == number


@pytest.mark.parametrize(
    ("client", "program", "fits"),
    [
        ("kubelet_v1.34.4", "kubelet", True),
        ("CoreDNS-1.12.1", "CoreDNS", True),
        ("coredns_1.12.1", "CoreDNS", True),
        ("flanneld_v0.0.0", "flannel", True),
        ("kube-proxy_v1.34.4", "kube-proxy", True),
        ("kubeletx_v1", "kubelet", False),
        ("kube-proxy_v1.34.4", "kubelet", False),
        ("", "kubelet", False),
    ],
)
def test_a_client_is_identified_by_the_name_of_its_program(client: str, program: str, fits: bool) -> None:
    assert is_of({"userAgent": client}, program) is fits


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("web", "docker.io/library/web:latest"),
        ("web:1", "docker.io/library/web:1"),
        ("me/web:1", "docker.io/me/web:1"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("registry.k8s.io/a/b:v1", "registry.k8s.io/a/b:v1"),
        ("r.io/a:v1@sha256:00", "r.io/a@sha256:00"),
        ("r.io/a@sha256:00", "r.io/a@sha256:00"),
    ],
)
def test_images_have_their_names_of_containerd(name: str, full: str) -> None:
    assert full_name(name) == full


def test_an_image_is_present_under_each_of_its_names(node: EdgeNode) -> None:
    image = node.told["images"]["images"][1]
    image |= {"name": "first.example/of:all", "names": ["first.example/of:all", image["name"]]}
    assert node.wrong() == {}
    image["pinned"] = False
    assert node.wrong() == {"images-pinned": "failed"}


def test_the_name_of_the_node_is_that_of_its_certificate(node: EdgeNode) -> None:
    node.host.answers["hostname"] = Result(out="machine-7\n")
    nearby = node.nearby
    for asked in ("", NAME, "machine-7", "EDGE1"):
        assert open_node(node.host, nearby, asked).name == NAME
    with pytest.raises(OtherNodeError, match="`edge2` is another node: this one is `edge1`"):
        open_node(node.host, nearby, "edge2")


@pytest.mark.parametrize("lacking", [(FACTS,), (units.NIC_FILE, units.LITE_APISERVER_FILE, LOCAL)])
def test_a_host_that_is_not_an_edge_node_is_rejected(node: EdgeNode, lacking: tuple[str, ...]) -> None:
    for path in lacking:
        del node.host.files[path]
    with pytest.raises(NotAnEdgeNodeError):
        open_node(node.host, node.nearby)
