"""Whether a host is an edge node is decided in one place, for checks and for drills."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.errors import NotAnEdgeNodeError, OtherNodeError
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.node.edge import SIGNS, lite_server, this_edge_node
from edgeadm.node.lite_files import LOCAL
from edgeadm.node.membership import FACTS, facts_on
from edgeadm.node.state import KUBELET_CONF
from tests.edge_node import KNOWN, edge_node


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    found = edge_node(tmp_path).host
    found.answers["hostname"] = Result(out="cp1\n")
    return found


def test_the_facts_are_those_of_the_join(host: FakeHost) -> None:
    assert this_edge_node(host).facts == facts_on(host) == KNOWN


@pytest.mark.parametrize("lost", [FACTS, KUBELET_CONF])
def test_a_host_without_facts_or_kubeconfig_is_no_edge_node(lost: str, host: FakeHost) -> None:
    del host.files[lost]
    with pytest.raises(NotAnEdgeNodeError):
        this_edge_node(host)


def test_a_damaged_edge_node_is_one_until_its_last_sign_is_gone(host: FakeHost) -> None:
    there = [path for path in SIGNS if path in host.files]
    assert len(there) > 1
    for path in there:
        assert this_edge_node(host).name == "cp1"
        del host.files[path]
    with pytest.raises(NotAnEdgeNodeError):
        this_edge_node(host)


def test_a_verb_can_require_a_file(host: FakeHost) -> None:
    del host.files[LOCAL]
    this_edge_node(host)
    with pytest.raises(NotAnEdgeNodeError):
        this_edge_node(host, needs=(LOCAL,))


def test_another_node_is_refused_before_anything_else(host: FakeHost) -> None:
    del host.files[FACTS]
    with pytest.raises(OtherNodeError, match="`edge7` is another node: this one is `cp1`"):
        this_edge_node(host, "edge7")


def test_the_port_of_lite_apiserver_is_the_nodes_own(host: FakeHost) -> None:
    host.files[LOCAL] = b"clusters: [{cluster: {server: 'https://169.254.20.11:6000'}}]\n"
    assert lite_server(host, KNOWN) == "https://169.254.20.11:6000"
    del host.files[LOCAL]
    assert lite_server(host, KNOWN) == "https://169.254.20.11:51003"
