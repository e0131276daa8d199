"""One thing is wrong with an edge node, and exactly the check that looks for it finds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.autonomy.node import KUBELET_CONFIG
from edgeadm.cluster.errors import CertificateUntrustedError, ConnectionRefusedByHostError
from edgeadm.hosts import Result
from edgeadm.phases import service_ip
from edgeadm.phases.cni import CONFLIST
from edgeadm.phases.common import KUBELET_CONF
from edgeadm.phases.edge_memory import KEEP_UNIT
from edgeadm.phases.kernel_state import FILE as KERNEL
from edgeadm.phases.lite_files import CACHE, LINK, PAIR
from edgeadm.phases.membership import CLIENT, KUBELET_FLAGS
from edgeadm.phases.node_files import HELPER, SNAPSHOT, SUBNET
from tests.certificates import new_pair
from tests.steady_node import (
    ENTRIES,
    FLANNEL_NODE,
    GIB,
    IMAGES,
    KUBERNETES,
    RULE,
    TABLE,
    VERSION,
    EdgeNode,
    certificate,
    flannel_node,
    kubeconfig,
    pod,
    serving,
)

Plant = Callable[[EdgeNode], Any]
NFT = f"{service_ip.TOOL} list table ip edgeadm"


def unit(name: str, **state: str) -> Plant:
    return lambda node: node.units[name].update(state)


def write(path: str, data: bytes) -> Plant:
    return lambda node: node.host.files.update({path: data})


def remove(path: str) -> Plant:
    return lambda node: node.host.files.pop(path)


def answer(command: str, result: Result) -> Plant:
    return lambda node: node.host.answers.update({command: result})


def kubelet(**changed: Any) -> Plant:
    def plant(node: EdgeNode) -> None:
        config = yaml.safe_load(node.host.files[KUBELET_CONFIG]) | changed
        node.host.files[KUBELET_CONFIG] = yaml.safe_dump(config).encode()

    return plant


def entry(start: str, **changed: Any) -> Plant:
    return lambda node: node.entry(start).update(changed)


def forget(start: str) -> Plant:
    return lambda node: node.forget(start)


def conflist(**changed: Any) -> Plant:
    return lambda node: node.write_conflist(**changed)


def told(verb: str, **changed: Any) -> Plant:
    return lambda node: node.told[verb].update(changed)


def image(number: int, **changed: Any) -> Plant:
    return lambda node: node.told["images"]["images"][number].update(changed)


def one_pod(**changed: Any) -> Plant:
    return lambda node: node.told["pods"]["pods"][0].update(changed)


def nearby(**changed: Any) -> Plant:
    return lambda node: [setattr(node.nearby, name, value) for name, value in changed.items()]


def link(name: str, *addresses: str) -> Plant:
    return lambda node: node.links.update({name: list(addresses)})


def expired_client() -> bytes:
    return certificate("system:node:edge1", days=-1, begun=timedelta(days=366))


def disk(command: str, free: int) -> Plant:
    out = f"Filesystem Blocks Used Available\n/dev/vda 1000 1 {free} 1% /\n"
    return answer(command, Result(out=out))


FAULTS: list[tuple[str, Plant, str, str]] = [
    ("repair is disabled", unit("edgeadm-repair", UnitFileState="disabled"), "unit-edgeadm-repair", "failed"),
    (
        "repair is enabled until a boot",
        unit("edgeadm-repair", UnitFileState="enabled-runtime"),
        "unit-edgeadm-repair",
        "failed",
    ),
    ("repair has failed", unit("edgeadm-repair", ActiveState="failed"), "unit-edgeadm-repair", "failed"),
    ("the link's unit is stopped", unit("edgeadm-nic", ActiveState="inactive"), "unit-edgeadm-nic", "failed"),
    ("containerd is disabled", unit("containerd", UnitFileState="disabled"), "unit-containerd", "failed"),
    ("containerd is stopped", unit("containerd", ActiveState="inactive"), "unit-containerd", "failed"),
    ("lite-apiserver is masked", unit("lite-apiserver", LoadState="masked"), "unit-lite-apiserver", "failed"),
    (
        "the rules' unit is gone",
        unit("edgeadm-service-ip", LoadState="not-found"),
        "unit-edgeadm-service-ip",
        "failed",
    ),
    ("the kubelet ends again and again", unit("kubelet", ActiveState="activating"), "unit-kubelet", "failed"),
    ("nobody keeps the copy", unit("edgeadm-keep", ActiveState="failed"), "unit-edgeadm-keep", "failed"),
    (
        "nobody renews",
        unit("edgeadm-certificate.timer", UnitFileState="disabled"),
        "unit-edgeadm-certificate",
        "failed",
    ),
    (
        "repair comes too late",
        unit("edgeadm-repair", Before="kubelet.service containerd.service"),
        "boot-order",
        "failed",
    ),
    (
        "the kubelet waits for a network",
        unit("kubelet", After="network-online.target"),
        "boot-offline",
        "warning",
    ),
    ("a unit was changed", unit("kubelet", NeedDaemonReload="yes"), "units-read", "warning"),
    (
        "edgeadm-node is gone",
        lambda node: [
            node.host.answers.update({f"{HELPER} {verb} -o json": Result(code=127)}) for verb in node.told
        ],
        "helper",
        "failed",
    ),
    (
        "edgeadm-node is old",
        answer(f"{HELPER} images -o json", Result(code=2, err="usage: x")),
        "helper",
        "failed",
    ),
    ("Services have no route", answer("ip route show table default", Result()), "service-routes", "failed"),
    (
        "the networks of Services are not known",
        lambda node: [
            node.knows(service_ranges=()),
            node.host.answers.update(
                {"ip route show table default": Result(out=f"10.96.0.1 dev {LINK} scope link")}
            ),
        ],
        "service-routes",
        "warning",
    ),
    ("nothing restores what is flushed", remove(KERNEL), "kernel-kept", "warning"),
    (
        "the keeper is not told what to restore",
        write(KEEP_UNIT, f"keep --hold={LINK}".encode()),
        "kernel-kept",
        "warning",
    ),
    (
        "nothing holds the address",
        write(KEEP_UNIT, f"keep --kernel={KERNEL}".encode()),
        "card-address",
        "warning",
    ),
    ("kubelet was not told its address", remove(KUBELET_FLAGS), "card-address", "warning"),
    ("the virtual address is gone", link(LINK), "virtual-address", "failed"),
    ("the link has another address", link(LINK, "169.254.20.12/32"), "virtual-address", "failed"),
    ("the table is gone", answer(NFT, Result(code=1, err="No such file")), "service-rules", "failed"),
    ("a chain is empty", answer(NFT, Result(out=TABLE.replace(RULE, "", 1))), "service-rules", "failed"),
    ("nobody listens", nearby(answer=ConnectionRefusedByHostError("refused")), "lite-answers", "failed"),
    (
        "somebody else answers",
        nearby(answer=CertificateUntrustedError("not signed")),
        "lite-answers",
        "failed",
    ),
    ("its certificate is gone", remove(PAIR), "lite-certificate", "failed"),
    (
        "its certificate is another CA's",
        write(PAIR, serving(ca=new_pair("x", days=400))),
        "lite-certificate",
        "failed",
    ),
    ("its certificate ends in days", write(PAIR, serving(days=5)), "lite-certificate", "failed"),
    (
        "the kubelet asks the cloud",
        write(KUBELET_CONF, kubeconfig("https://10.0.0.11:6443")),
        "kubelet-server",
        "failed",
    ),
    ("the kubelet watches lists", kubelet(featureGates={}), "kubelet-lists", "failed"),
    (
        "the kubelet's certificate has expired",
        write(CLIENT, expired_client()),
        "kubelet-certificate",
        "failed",
    ),
    (
        "the kubelet's certificate ends soon",
        write(CLIENT, certificate("system:node:edge1", days=80, begun=timedelta(days=285))),
        "kubelet-certificate",
        "warning",
    ),
    (
        "the clock is behind",
        write(CLIENT, certificate("system:node:edge1", begun=timedelta(days=-1))),
        "clock",
        "failed",
    ),
    ("no clock outlives a boot", remove("/sys/class/rtc/rtc0/x"), "clock-kept", "warning"),
    ("there is no network configuration", remove(CONFLIST), "cni-first", "failed"),
    ("a foreign one comes before", write("/etc/cni/net.d/05-other.conflist", b"{}"), "cni-first", "failed"),
    ("addresses are host-local's", conflist(ipam={"type": "host-local"}), "cni-memory", "failed"),
    (
        "the subnet is where boots empty it",
        conflist(subnetFile="/run/flannel/subnet.env"),
        "cni-memory",
        "failed",
    ),
    ("edge-ipam is missing", remove("/opt/cni/bin/edge-ipam"), "cni-plugins", "failed"),
    ("a plugin was cut short", write("/opt/cni/bin/bridge", b""), "cni-plugins", "failed"),
    (
        "a plugin cannot be executed",
        lambda node: node.host.modes.update({"/opt/cni/bin/flannel": 0o644}),
        "cni-plugins",
        "failed",
    ),
    ("flannel's file is empty", write(SUBNET, b""), "flannel-subnet", "failed"),
    ("flannel's file is gone", remove(SUBNET), "flannel-subnet", "failed"),
    ("the bridge is of another range", link("cni0", "10.244.7.1/24"), "flannel-links", "failed"),
    (
        "the Node has another range",
        write(f"{CACHE}/{FLANNEL_NODE}", flannel_node(subnet="10.244.9.0/24")),
        "flannel-links",
        "failed",
    ),
    (
        "others know another MAC",
        write(f"{CACHE}/{FLANNEL_NODE}", flannel_node("92:27:54:5c:8c:cb")),
        "flannel-node",
        "failed",
    ),
    (
        "flannel's link is gone",
        answer("ip -o link show dev flannel.1", Result(code=1)),
        "flannel-node",
        "failed",
    ),
    (
        "a record is broken",
        told("addresses", problems=[{"file": "a", "reason": "its checksum is wrong"}]),
        "address-store",
        "failed",
    ),
    (
        "the store cannot be read",
        answer(f"{HELPER} addresses -o json", Result(code=1, err="locked")),
        "address-store",
        "failed",
    ),
    ("a Pod has another address", one_pod(addresses=["10.244.1.9"]), "address-records", "failed"),
    ("a Pod has no record", told("addresses", records=[]), "address-records", "failed"),
    ("DNS is silent", nearby(names={}), "dns-answers", "failed"),
    ("DNS tells something else", nearby(names={KUBERNETES: ["10.96.0.9"]}), "dns-answers", "failed"),
    ("Pods ask the cloud's DNS", kubelet(clusterDNS=["10.96.0.10"]), "dns-asked", "failed"),
    (
        "a flag has Pods ask the cloud's DNS",
        write(
            "/var/lib/kubelet/kubeadm-flags.env",
            b'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.21 --cluster-dns=10.96.0.10"\n',
        ),
        "dns-asked",
        "failed",
    ),
    (
        "the cache is open to all",
        answer(f"stat -c '%a %u' {CACHE}", Result(out="755 0\n")),
        "cache-private",
        "failed",
    ),
    (
        "the copy is somebody else's",
        answer(f"stat -c '%a %u' {SNAPSHOT}", Result(out="700 1000\n")),
        "cache-private",
        "failed",
    ),
    ("the kubelet's Services are missing", forget("kubelet_v1.36.3__services"), "cache-kubelet", "failed"),
    (
        "the answers are another kubelet's",
        answer("kubelet --version", Result(out="Kubernetes v1.36.4\n")),
        "cache-kubelet",
        "failed",
    ),
    (
        "the Pods cannot be read",
        answer(f"{HELPER} pods -o json", Result(code=1, err="it is empty")),
        "cache-kubelet",
        "failed",
    ),
    ("kubelet found no CSINode", forget(f"kubelet_{VERSION}__csinodes"), "cache-own", "failed"),
    (
        "kube-proxy's endpoints are missing",
        forget("kube-proxy_v1.36.3__endpointslices"),
        "cache-kube-proxy",
        "failed",
    ),
    ("flannel's own Node is missing", forget(FLANNEL_NODE), "cache-flannel", "failed"),
    ("flannel's list is missing", forget("flanneld_v0.0.0__nodes___list"), "cache-flannel", "failed"),
    ("the DNS's namespaces are missing", forget("CoreDNS_1.12.1__namespaces"), "cache-dns", "failed"),
    ("an entry is broken", entry(ENTRIES[3], whole=False, reason="it is empty"), "cache-whole", "failed"),
    (
        "the cache cannot be read",
        answer(f"{HELPER} cache -o json", Result(code=1, err="no such file")),
        "cache-whole",
        "failed",
    ),
    ("the copy lacks an entry", entry(ENTRIES[4], snapshot=False), "snapshot-whole", "failed"),
    (
        "the answers are old",
        lambda node: [each.update(ageSeconds=200_000) for each in node.told["cache"]["entries"]],
        "cache-age",
        "warning",
    ),
    ("an image is missing", lambda node: node.told["images"]["images"].pop(1), "images-present", "failed"),
    (
        "the sandbox's image is missing",
        lambda node: node.told["images"]["images"].pop(0),
        "images-present",
        "failed",
    ),
    (
        "images cannot be listed",
        answer(f"{HELPER} images -o json", Result(code=1, err="ctr: no")),
        "images-present",
        "failed",
    ),
    ("an image is not pinned", image(1, pinned=False), "images-pinned", "failed"),
    ("an image does not fit", image(1, pinned=False, fits=False), "images-pinned", "warning"),
    (
        "a Pod always pulls",
        one_pod(images=[{"name": "web:1", "policy": "Always"}]),
        "images-always",
        "warning",
    ),
    ("pins take too much", told("images", pinnedBytes=11 * GIB), "images-bound", "warning"),
    ("the disk is full", disk("df -Pk", 90), "disk-free", "failed"),
    ("the disk is nearly full", disk("df -Pk", 160), "disk-free", "warning"),
    ("there are no inodes", disk("df -Pi", 10), "disk-free", "failed"),
    (
        "the cache is in memory",
        answer("stat -f -c '%T %n'", Result(out=f"tmpfs {CACHE}\n")),
        "disk-kept",
        "failed",
    ),
]


@pytest.mark.parametrize(
    ("plant", "code", "result"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS]
)
def test_a_fault_is_found_by_its_check_alone(plant: Plant, code: str, result: str, tmp_path: Path) -> None:
    node = EdgeNode(tmp_path)
    plant(node)
    findings = {each.code: each for each in node.findings()}
    assert node.wrong() == {code: result}, findings[code].text
    assert findings[code].hint
    assert node.host.ran == []


def test_cut_off_without_an_address_the_card_is_no_fault(tmp_path: Path) -> None:
    node = EdgeNode(tmp_path)
    node.links |= {"eth0": [], LINK: [*node.links[LINK], "10.0.0.21/32"]}
    (found,) = (each for each in node.findings() if each.code == "card-address")
    assert (found.result, "edgeadm-keep holds it" in found.text) == ("ok", True)


def test_there_is_a_fault_for_every_check() -> None:
    assert {each.code for each in AUTONOMY_CHECKS} == {code for _, _, code, _ in FAULTS}


def test_pods_that_have_ended_or_are_to_go_are_not_looked_at(tmp_path: Path) -> None:
    node = EdgeNode(tmp_path)
    node.told["pods"]["pods"] += [
        pod("job", "gone:1", "10.244.1.7", phase="Succeeded"),
        pod("old", "gone:2", "10.244.1.8", deleting=True),
    ]
    assert node.wrong() == {}
    assert IMAGES
