"""What holds the virtual IP: on the first control plane, on another one, and when it is taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.config import Config, JoinFlags, KubeadmFlags
from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError, WaitError
from edgeadm.hosts import Result
from edgeadm.node.state import CONTROL_PLANE
from edgeadm.node.virtual_ip.settings import FILE, settings
from edgeadm.phases.reset.network import RemoveLinks
from edgeadm.phases.share_settings import ShareSettings
from edgeadm.phases.virtual_ip.keepalived import PEERS, Keepalived
from edgeadm.phases.virtual_ip.kube_vip import MANIFEST, KubeVip, KubeVipSettled
from tests.machine import READY, Machine
from tests.traces import kubeadm_writes

VIP = "10.0.0.100"
TOOLS = "/usr/lib/edgeadm/vip"
UNITS = ("edgeadm-haproxy", "edgeadm-keepalived", "edgeadm-vip-members")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with keepalived and haproxy in its package."""
    return Machine(tmp_path)


def asked(kind: str = "keepalived", **more: Any) -> Config:
    return Config(default_ha=kind, kubeadm=KubeadmFlags(control_plane_endpoint=VIP), **more)


def other_control_plane(machine: Machine, **annotations: str) -> None:
    machine.cluster.objects[("v1", "Node", "", "cp9")] = {
        "metadata": {"name": "cp9", "labels": {CONTROL_PLANE: ""}, "annotations": annotations},
        "status": {"conditions": [READY]},
    }


def joining(machine: Machine) -> Context:
    """Another control plane, right after `kubeadm join`: the first one shared its settings."""
    Keepalived().apply(machine.context(asked()))
    ShareSettings().apply(machine.context(asked()))
    machine.units.clear()
    del machine.host.files[FILE]
    return machine.context(Config(join=JoinFlags(api_server_endpoint=f"{VIP}:6443", control_plane=True)))


def test_the_first_control_plane_holds_the_address_before_kubeadm_runs(machine: Machine) -> None:
    ctx = machine.context(asked())
    assert Keepalived().check(ctx).needed
    Keepalived().apply(ctx)
    assert all(machine.units[name] == {"enabled", "active"} for name in UNITS)
    assert not Keepalived().check(ctx).needed
    conf = machine.host.files["/etc/edgeadm/vip/keepalived.conf"].decode()
    password = json.loads(machine.host.files[FILE])["password"]
    assert f"auth_pass {password}\n" in conf
    assert "nopreempt" not in conf.replace("`nopreempt`", "")
    assert machine.host.modes["/etc/edgeadm/vip/keepalived.conf"] == 0o600
    assert machine.host.modes[FILE] == 0o600


def test_running_it_again_keeps_the_password(machine: Machine) -> None:
    Keepalived().apply(machine.context(asked()))
    before = machine.host.files[FILE]
    Keepalived().apply(machine.context(asked()))
    assert machine.host.files[FILE] == before


@pytest.mark.parametrize("name", ["keepalived", "haproxy"])
def test_a_configuration_that_is_refused_is_never_used(name: str, machine: Machine) -> None:
    machine.host.answers[f"{TOOLS}/{name}"] = Result(code=1, err="line 3: no such word")
    with pytest.raises(PhaseError) as caught:
        Keepalived().apply(machine.context(asked()))
    assert caught.value.message == f"{name} rejects its configuration"
    assert "line 3: no such word" in caught.value.context
    assert not any(machine.units.get(unit) for unit in UNITS)


def test_without_the_programs_it_says_what_is_missing(machine: Machine) -> None:
    machine.package = None
    with pytest.raises(PhaseError) as caught:
        Keepalived().apply(machine.context(asked()))
    assert "haproxy is neither installed nor" in caught.value.message


def test_an_address_that_does_not_come_up_is_an_error(machine: Machine) -> None:
    machine.host.answers["ip -o addr show"] = Result(out="2: eth0    inet 10.0.0.11/24 scope global eth0\n")
    with pytest.raises(WaitError) as caught:
        Keepalived().apply(machine.context(asked()))
    assert f"keepalived adds {VIP} to" in caught.value.message


def test_the_settings_are_shared_as_a_secret_and_no_token_reads_the_password(machine: Machine) -> None:
    Keepalived().apply(machine.context(asked()))
    ShareSettings().apply(machine.context(asked()))
    password = json.loads(machine.host.files[FILE])["password"]
    objects = machine.cluster.objects
    public = objects["v1", "ConfigMap", "kube-system", "edgeadm-config"]
    assert public["data"] == {"cni": "flannel", "apiserver-bind-port": "6444"}
    readable = [obj for (_, kind, _, _), obj in objects.items() if kind != "Secret"]
    assert password not in json.dumps(readable)
    assert ("v1", "Secret", "kube-system", "edgeadm-virtual-ip") in objects
    assert ShareSettings().check(machine.context(asked())).reason == "there is no cluster yet"


def test_another_control_plane_takes_part_once_the_others_know_it(machine: Machine) -> None:
    ctx = joining(machine)
    assert Keepalived().check(ctx).reason == "known after this host has joined as a control plane"
    Keepalived().apply(ctx)  # a dry run, in which the host has not joined
    assert FILE not in machine.host.files
    machine.host.files |= kubeadm_writes()
    other_control_plane(machine, **{PEERS: "10.0.0.10,10.0.0.11"})
    assert Keepalived().check(ctx).needed
    Keepalived().apply(ctx)
    found = settings(ctx)
    assert found is not None
    assert (found.shared.address, found.shared.bind_port, found.router_id) == (VIP, 6444, 100)
    assert all(machine.units[name] == {"enabled", "active"} for name in UNITS)


def test_it_says_who_does_not_know_it(machine: Machine) -> None:
    warned: list[str] = []
    ctx = replace(joining(machine), warn=warned.append)
    machine.host.files |= kubeadm_writes()
    other_control_plane(machine)
    Keepalived().apply(ctx)
    assert warned == ["these control planes do not know this one yet: cp9"]


def test_a_cluster_without_a_virtual_ip_gets_none(machine: Machine) -> None:
    ShareSettings().apply(machine.context())
    machine.host.files |= kubeadm_writes()
    ctx = machine.context(Config(join=JoinFlags(control_plane=True)))
    for phase in (Keepalived(), KubeVip()):
        assert not phase.check(ctx).needed
        phase.apply(ctx)
    assert FILE not in machine.host.files


def test_kube_vip_starts_with_super_admin_and_goes_on_with_admin(machine: Machine) -> None:
    ctx = machine.context(asked("kube-vip"))
    KubeVip().apply(ctx)
    assert _kubeconfig(machine) == "/etc/kubernetes/super-admin.conf"
    machine.host.files |= kubeadm_writes()
    assert KubeVipSettled().check(ctx).needed
    KubeVipSettled().apply(ctx)
    assert _kubeconfig(machine) == "/etc/kubernetes/admin.conf"
    assert not KubeVip().check(ctx).needed
    assert not KubeVipSettled().check(ctx).needed


def test_kube_vip_asks_the_api_server_beside_it_not_the_address_that_it_is_to_hold(machine: Machine) -> None:
    KubeVip().apply(machine.context(asked("kube-vip")))
    spec = yaml.safe_load(machine.host.files[MANIFEST])["spec"]
    (server,) = [each["value"] for each in spec["containers"][0]["env"] if each["name"] == "kubernetes_addr"]
    assert server.partition(":")[0] in spec["hostAliases"][0]["hostnames"]
    assert spec["hostAliases"][0]["ip"] == "127.0.0.1"
    probe = spec["containers"][0]["readinessProbe"]["tcpSocket"]
    assert (probe["host"], str(probe["port"])) == ("127.0.0.1", server.rpartition(":")[2])


def test_reset_takes_an_address_away_whose_holder_was_killed(machine: Machine) -> None:
    ctx = machine.context(asked())
    Keepalived().apply(ctx)
    machine.host.answers["ip address delete"] = Result()
    verdict = RemoveLinks().check(ctx)
    assert f"{VIP}/32" in verdict.reason
    RemoveLinks().apply(ctx)
    assert f"ip address delete {VIP}/32 dev eth0" in machine.host.ran


def _kubeconfig(machine: Machine) -> str:
    pod = yaml.safe_load(machine.host.files[MANIFEST])
    path: str = pod["spec"]["volumes"][0]["hostPath"]["path"]
    return path
