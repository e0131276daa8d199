"""Where API servers listen, and what holds the address that they share."""

from __future__ import annotations

from typing import Any

import pytest

from edgeadm.config import Config, KubeadmFlags, validate
from edgeadm.config.control_plane import VirtualIp, bind_port, virtual_ip
from edgeadm.errors import ConfigError


def asked(kind: str = "keepalived", endpoint: str | None = "10.0.0.100", **flags: Any) -> Config:
    return Config(default_ha=kind, kubeadm=KubeadmFlags(control_plane_endpoint=endpoint, **flags))


CASES = [
    ("haproxy takes the usual port", asked(), VirtualIp("keepalived", "10.0.0.100", 6443, 6444)),
    (
        "haproxy takes another port",
        asked(endpoint="10.0.0.100:8443"),
        VirtualIp("keepalived", "10.0.0.100", 8443, 6443),
    ),
    (
        "the user chose the API servers' port",
        asked(apiserver_bind_port=7443),
        VirtualIp("keepalived", "10.0.0.100", 6443, 7443),
    ),
    ("kube-vip has one port", asked("kube-vip"), VirtualIp("kube-vip", "10.0.0.100", 6443, 6443)),
    (
        "kube-vip, another port",
        asked("kube-vip", "10.0.0.100:7443"),
        VirtualIp("kube-vip", "10.0.0.100", 7443, 7443),
    ),
    ("IPv6", asked(endpoint="[fd00::1]:7443"), VirtualIp("keepalived", "fd00::1", 7443, 6443)),
    ("somebody else's balancer", asked("none"), None),
    ("no endpoint", asked(endpoint=None), None),
]


@pytest.mark.parametrize(("name", "config", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_what_is_shared(name: str, config: Config, wanted: VirtualIp | None) -> None:
    assert virtual_ip(config) == wanted


def test_documents_say_it_as_well() -> None:
    documents: tuple[dict[str, Any], ...] = (
        {"kind": "ClusterConfiguration", "controlPlaneEndpoint": "10.0.0.100:8443"},
        {"kind": "InitConfiguration", "localAPIEndpoint": {"bindPort": 7443}},
    )
    config = Config(default_ha="keepalived", kubeadm_documents=documents)
    assert virtual_ip(config) == VirtualIp("keepalived", "10.0.0.100", 8443, 7443)
    assert bind_port(Config(kubeadm_documents=documents)) == 7443


def test_the_endpoint_always_has_a_port() -> None:
    assert VirtualIp("keepalived", "fd00::1", 6443, 6444).endpoint == "[fd00::1]:6443"


FAULTS = [
    ("no endpoint", asked(endpoint=None), "--default-ha: a virtual IP requires `--control-plane-endpoint`"),
    ("a name", asked(endpoint="api.example.org"), "is a name, but keepalived requires an IP address"),
    ("its own", asked(apiserver_advertise_address="10.0.0.100"), "is this node's own"),
    ("haproxy's port", asked(apiserver_bind_port=6443), "6443 is reserved for haproxy"),
    (
        "kube-vip with two ports",
        asked("kube-vip", apiserver_bind_port=7443),
        "must equal the endpoint's port",
    ),
    ("something unknown", asked("metallb"), "is not one of none, kube-vip, keepalived"),
]


@pytest.mark.parametrize(("name", "config", "words"), FAULTS, ids=[case[0] for case in FAULTS])
def test_what_does_not_fit_together(name: str, config: Config, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(config)
    assert words in caught.value.message
