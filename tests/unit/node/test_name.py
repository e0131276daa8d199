"""One name for this node in every phase: the registered one, else flag, document of the verb, host name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm import pki
from edgeadm.config import Config, KubeadmFlags
from edgeadm.config.control_plane import bind_port
from edgeadm.hosts import Result
from edgeadm.node.kubeadm_documents import CONFIG
from edgeadm.node.membership import CLIENT
from edgeadm.node.name import node_name, own_name
from edgeadm.node.state import KUBELET_CONF, own_address
from edgeadm.preflight.node import NODE_CHECKS
from edgeadm.preflight.subject import Subject
from tests.certificates import authority
from tests.machine import Machine

INIT = {
    "apiVersion": "kubeadm.k8s.io/v1beta4",
    "kind": "InitConfiguration",
    "nodeRegistration": {"name": "by-init"},
    "localAPIEndpoint": {"advertiseAddress": "10.9.0.1", "bindPort": 7001},
}
JOIN = {
    "apiVersion": "kubeadm.k8s.io/v1beta4",
    "kind": "JoinConfiguration",
    "nodeRegistration": {"name": "by-join"},
    "controlPlane": {"localAPIEndpoint": {"advertiseAddress": "10.9.0.2", "bindPort": 7002}},
}
WRITTEN = b"apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  name: written\n"
BOTH: tuple[dict[str, Any], ...] = (INIT, JOIN)


def registered(machine: Machine, name: str) -> None:
    """The kubelet was let in under this name."""
    key = pki.new_key()
    leaf = pki.Leaf(f"system:node:{name}", server=False, client=True)
    machine.host.files[CLIENT] = pki.sign(*authority(), key, leaf, 365) + key
    machine.host.files[KUBELET_CONF] = b"current-context: x\n"


def config(verb: str, flag: str | None = None, documents: tuple[dict[str, Any], ...] = ()) -> Config:
    return Config(verb=verb, kubeadm=KubeadmFlags(node_name=flag), kubeadm_documents=documents)


@pytest.mark.parametrize(
    ("asked", "written", "wanted"),
    [
        (config("init"), False, "cp1"),
        (config("init", documents=BOTH), True, "by-init"),
        (config("init", "by-flag", BOTH), True, "by-flag"),
        (config("init"), True, "written"),  # an interrupted run, and no configuration given again
        (config("join", documents=BOTH), False, "by-join"),
        (config("join", documents=(INIT,)), False, "cp1"),
        (config("join", documents=(INIT,)), True, "cp1"),
        (config("join", "by-flag", BOTH), False, "by-flag"),
        (config("reset"), True, "written"),
        (config("addon edge-apps"), False, "cp1"),
    ],
)
def test_before_the_kubelet_is_let_in(asked: Config, written: bool, wanted: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.host.files |= {CONFIG: WRITTEN} if written else {}
    assert node_name(machine.context(asked)) == wanted
    registered(machine, "registered")
    assert node_name(machine.context(asked)) == own_name(machine.host) == "registered"


def test_what_an_earlier_cluster_left_does_not_count(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    registered(machine, "earlier")
    del machine.host.files[KUBELET_CONF]
    assert node_name(machine.context(config("join", "new"))) == "new"
    assert own_name(machine.host) == "cp1"


@pytest.mark.parametrize(
    ("verb", "name", "address", "port"),
    [("init", "by-init", "10.9.0.1", 7001), ("join", "by-join", "10.9.0.2", 7002)],
)
def test_name_address_and_port_take_the_same_document(
    verb: str, name: str, address: str, port: int, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    machine.host.answers["getent hosts"] = Result(code=2)
    asked = config(verb, documents=BOTH)
    check = next(each for each in NODE_CHECKS if each.code == "Hostname")
    found = check.outcomes(Subject(machine.host, asked, "v1.37.2"))
    assert [each.text for each in found] == [f'hostname "{name}" could not be reached']
    assert own_address(machine.context(asked)) == address
    assert bind_port(asked) == port
