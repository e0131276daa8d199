"""Faults of the stored state of a node: its Pod network, DNS, cache, images and disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeadm.autonomy.checks import AUTONOMY_CHECKS
from edgeadm.hosts import Result
from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.lite_files import CACHE
from edgeadm.node.offline_files import HELPER, SNAPSHOT, SUBNET
from tests.steady_node import (
    ENTRIES,
    FLANNEL_NODE,
    GIB,
    KUBERNETES,
    VERSION,
    EdgeNode,
    flannel_node,
    pod,
)
from tests.unit.autonomy.planting import (
    Fault,
    Plant,
    answer,
    assert_found_alone,
    kubelet,
    link,
    nearby,
    planted,
    remove,
    write,
)
from tests.unit.autonomy.test_service_faults import SERVICE_FAULTS


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


def disk(command: str, free: int) -> Plant:
    out = f"Filesystem Blocks Used Available\n/dev/vda 1000 1 {free} 1% /\n"
    return answer(command, Result(out=out))


STATE_FAULTS: list[Fault] = [
    ("the CNI configuration is missing", remove(CONFLIST), "cni-first", "failed"),
    (
        "another CNI configuration precedes it",
        write("/etc/cni/net.d/05-other.conflist", b"{}"),
        "cni-first",
        "failed",
    ),
    ("host-local assigns the addresses", conflist(ipam={"type": "host-local"}), "cni-memory", "failed"),
    (
        "the subnet file is in a directory that a boot empties",
        conflist(subnetFile="/run/flannel/subnet.env"),
        "cni-memory",
        "failed",
    ),
    ("edge-ipam is missing", remove("/opt/cni/bin/edge-ipam"), "cni-plugins", "failed"),
    ("a plugin is empty", write("/opt/cni/bin/bridge", b""), "cni-plugins", "failed"),
    (
        "a plugin cannot be executed",
        lambda node: node.host.modes.update({"/opt/cni/bin/flannel": 0o644}),
        "cni-plugins",
        "failed",
    ),
    ("flannel's subnet file is empty", write(SUBNET, b""), "flannel-subnet", "failed"),
    ("flannel's subnet file is missing", remove(SUBNET), "flannel-subnet", "failed"),
    ("the bridge has an address of another range", link("cni0", "10.244.7.1/24"), "flannel-links", "failed"),
    (
        "the Node has another range",
        write(f"{CACHE}/{FLANNEL_NODE}", flannel_node(subnet="10.244.9.0/24")),
        "flannel-links",
        "failed",
    ),
    (
        "other nodes know another MAC address",
        write(f"{CACHE}/{FLANNEL_NODE}", flannel_node("92:27:54:5c:8c:cb")),
        "flannel-node",
        "failed",
    ),
    (
        "flannel's link is missing",
        answer("ip -o link show dev flannel.1", Result(code=1)),
        "flannel-node",
        "failed",
    ),
    (
        "a record is damaged",
        told("addresses", problems=[{"file": "a", "reason": "its checksum is wrong"}]),
        "address-store",
        "failed",
    ),
    (
        "the address store cannot be read",
        answer(f"{HELPER} addresses -o json", Result(code=1, err="locked")),
        "address-store",
        "failed",
    ),
    ("a Pod has another address", one_pod(addresses=["10.244.1.9"]), "address-records", "failed"),
    ("a Pod has no record", told("addresses", records=[]), "address-records", "failed"),
    ("the DNS server does not respond", nearby(names={}), "dns-answers", "failed"),
    (
        "the DNS server returns another address",
        nearby(names={KUBERNETES: ["10.96.0.9"]}),
        "dns-answers",
        "failed",
    ),
    ("Pods use the DNS server in the cloud", kubelet(clusterDNS=["10.96.0.10"]), "dns-asked", "failed"),
    (
        "a flag of the kubelet sets the DNS server in the cloud",
        write(
            "/var/lib/kubelet/kubeadm-flags.env",
            b'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.21 --cluster-dns=10.96.0.10"\n',
        ),
        "dns-asked",
        "failed",
    ),
    (
        "the cache is readable by other users",
        answer(f"stat -c '%a %u' {CACHE}", Result(out="755 0\n")),
        "cache-private",
        "failed",
    ),
    (
        "the copy has another owner",
        answer(f"stat -c '%a %u' {SNAPSHOT}", Result(out="700 1000\n")),
        "cache-private",
        "failed",
    ),
    ("the kubelet's Services are missing", forget("kubelet_v1.36.3__services"), "cache-kubelet", "failed"),
    (
        "the responses are those of another kubelet version",
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
    ("the kubelet's CSINode is missing", forget(f"kubelet_{VERSION}__csinodes"), "cache-own", "failed"),
    (
        "kube-proxy's endpoints are missing",
        forget("kube-proxy_v1.36.3__endpointslices"),
        "cache-kube-proxy",
        "failed",
    ),
    ("flannel's own Node is missing", forget(FLANNEL_NODE), "cache-flannel", "failed"),
    ("flannel's list is missing", forget("flanneld_v0.0.0__nodes___list"), "cache-flannel", "failed"),
    ("the DNS's namespaces are missing", forget("CoreDNS_1.12.1__namespaces"), "cache-dns", "failed"),
    ("an entry is damaged", entry(ENTRIES[3], whole=False, reason="it is empty"), "cache-whole", "failed"),
    (
        "the cache cannot be read",
        answer(f"{HELPER} cache -o json", Result(code=1, err="no such file")),
        "cache-whole",
        "failed",
    ),
    ("the copy lacks an entry", entry(ENTRIES[4], snapshot=False), "snapshot-whole", "failed"),
    (
        "the responses are old",
        lambda node: [each.update(ageSeconds=200_000) for each in node.told["cache"]["entries"]],
        "cache-age",
        "warning",
    ),
    ("an image is missing", lambda node: node.told["images"]["images"].pop(1), "images-present", "failed"),
    (
        "the sandbox image is missing",
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
        "a Pod always pulls its image",
        one_pod(images=[{"name": "web:1", "policy": "Always"}]),
        "images-always",
        "warning",
    ),
    ("pinned images use too much space", told("images", pinnedBytes=11 * GIB), "images-bound", "warning"),
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


@planted(STATE_FAULTS)
def test_a_fault_is_found_by_its_check_alone(plant: Plant, code: str, result: str, tmp_path: Path) -> None:
    assert_found_alone(EdgeNode(tmp_path), plant, code, result)


def test_there_is_a_fault_for_every_check() -> None:
    faults = [*SERVICE_FAULTS, *STATE_FAULTS]
    assert {each.code for each in AUTONOMY_CHECKS} == {code for _, _, code, _ in faults}


def test_ended_and_deleted_pods_are_not_checked(tmp_path: Path) -> None:
    node = EdgeNode(tmp_path)
    node.told["pods"]["pods"] += [
        pod("job", "gone:1", "10.244.1.7", phase="Succeeded"),
        pod("old", "gone:2", "10.244.1.8", deleting=True),
    ]
    assert node.wrong() == {}
