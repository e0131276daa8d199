"""Which cluster a kubeconfig means, as kubeadm reads it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from edgeadm.cluster.fake import FakeCluster
from edgeadm.cluster.kubeconfig import (
    Kubeconfig,
    NotAKubeconfigError,
    announced_server,
    is_whole,
    parse,
    server_of,
)


def kubeconfig(*names: str, current: str = "", contexts: dict[str, str] | None = None, **more: str) -> bytes:
    found: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": each, "cluster": {"server": f"https://{each or 'x'}:6443", **more}} for each in names
        ],
        "contexts": [{"name": name, "context": {"cluster": each}} for name, each in (contexts or {}).items()],
        "current-context": current,
    }
    return yaml.safe_dump(found).encode()


@pytest.mark.parametrize(
    ("text", "server"),
    [
        (kubeconfig("one", "two", current="b", contexts={"a": "one", "b": "two"}), "https://two:6443"),
        (kubeconfig("one", ""), "https://x:6443"),  # cluster-info has one cluster, without a name
        (kubeconfig("one"), "https://one:6443"),
        (kubeconfig("one", "two"), ""),
        (kubeconfig("one", current="gone"), ""),
        (kubeconfig("one", current="a", contexts={"a": "gone"}), ""),
        (b"clusters: [", ""),
        (b"- clusters", ""),
        (b"", ""),
        (None, ""),
    ],
)
def test_the_cluster_of_the_current_context(text: bytes | None, server: str) -> None:
    assert server_of(text) == server
    if not server:
        with pytest.raises(NotAKubeconfigError):
            parse(text)


def test_the_authority_inside_goes_before_that_of_a_file() -> None:
    inside = {"certificate-authority-data": base64.b64encode(b"inside").decode()}
    beside = {"certificate-authority": "pki/ca.crt"}
    files = {"/home/pki/ca.crt": b"beside", "/pki/ca.crt": b"absolute"}
    assert parse(kubeconfig("one", **inside, **beside)).authority("/home/config", files.get) == b"inside"
    assert parse(kubeconfig("one", **beside)).authority("/home/config", files.get) == b"beside"
    absolute = {"certificate-authority": "/pki/ca.crt"}
    assert parse(kubeconfig("one", **absolute)).authority("/home/config", files.get) == b"absolute"
    assert parse(kubeconfig("one", **beside)).authority("/elsewhere/config", files.get) == b""
    assert Kubeconfig("https://one:6443").authority("/home/config", files.get) == b""
    with pytest.raises(NotAKubeconfigError):
        parse(kubeconfig("one", **{"certificate-authority-data": "A"}))


def test_the_announced_server() -> None:
    cluster = FakeCluster()
    assert announced_server(cluster) == ""
    name = {"name": "cluster-info", "namespace": "kube-public"}
    info = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": name}
    cluster.apply([{**info, "data": {"kubeconfig": kubeconfig("").decode()}}])
    assert announced_server(cluster) == "https://x:6443"


def test_a_file_that_was_cut_off() -> None:
    whole = kubeconfig("one", current="a", contexts={"a": "one"})
    assert is_whole(whole)
    assert not is_whole(whole[: whole.index(b"current-context")])
    assert not is_whole(b"")
    assert not is_whole(None)
