"""Faults that are injected into an edge node in a sandbox: how each is created and removed, and which check
must find it.

Every command is a line for `bash -c`, run as root on the node. Moved files are kept below KEPT, which
survives a boot. If the node's helper would repair the fault, it is stopped meanwhile. Other checks may fail,
too, so a test only requires the code to be among them. `boot-order` assumes that edgeadm-repair's own unit
contains the order; `snapshot-whole`, that the entry is older than a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.node.cni_files import CONFLIST
from edgeadm.node.lite_files import CACHE, LINK, PAIR
from edgeadm.node.offline_files import ADDRESSES, SNAPSHOT, SUBNET
from edgeadm.node.state import KUBELET_CONF

KEPT = "/var/tmp/planted"
UNITS = "/etc/systemd/system"
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
VIRTUAL = "169.254.20.11"
PLUGIN = "/opt/cni/bin/edge-ipam"
MAKE = f"mkdir -p {KEPT}"
STOP, START = "systemctl stop edgeadm-keep", "systemctl start edgeadm-keep"
NFT = "n=/usr/lib/edgeadm/edge/nft; [ -x $n ] || n=nft"
RELOAD = "systemctl daemon-reload"
DROP_IN = f"{UNITS}/kubelet.service.d/99-planted.conf"
PIN = "io.cri-containerd.pinned"
CTR = "ctr -n k8s.io images"
IMAGE = f"i=$({CTR} ls -q | grep -m 1 '/flannel:')"
COPY = "planted.invalid/kept:1"
FOREIGN = '{"cniVersion": "0.3.1", "name": "planted", "type": "loopback"}'
BEFORE_OURS = f"{CONFLIST.rpartition('/')[0]}/00-planted.conf"
MAC = "ip -o link show dev flannel.1 | sed -n 's/.*link.ether \\([^ ]*\\).*/\\1/p'"


@dataclass(frozen=True)
class Planted:
    """A fault. `plant` and `take_back` are for a shell; the check with this code then has this result."""

    what: str
    plant: str
    take_back: str
    code: str
    result: str = "failed"


def edited(path: str, change: str) -> tuple[str, str]:
    """Commands to edit a file with sed, and to restore it."""
    kept = f"{KEPT}/{path.rpartition('/')[2]}"
    return f"{MAKE} && cp -p {path} {kept} && sed -i {change} {path}", f"mv {kept} {path}"


def moved(path: str) -> tuple[str, str]:
    """Commands to move a file away, and to restore it."""
    kept = f"{KEPT}/{path.rpartition('/')[2]}"
    return f"{MAKE} && mv {path} {kept}", f"mv {kept} {path}"


def dropped(line: str) -> str:
    """Commands to add a line to the kubelet's unit."""
    return f"mkdir -p {UNITS}/kubelet.service.d && printf '[Unit]\\n{line}\\n' >{DROP_IN}"


def entry(folder: str, pattern: str, then: str) -> tuple[str, str]:
    """Commands to change the first matching entry in the directory, `$e`, with repairs stopped; and to
    restore it."""
    find = f"e=$(ls {folder} | grep -i -m 1 '{pattern}') && test -n \"$e\""
    plant = f"{MAKE} && {STOP} && {find} && echo $e >{KEPT}/name && cp -p {folder}/$e {KEPT}/entry && {then}"
    return plant, f"mv {KEPT}/entry {folder}/$(cat {KEPT}/name) && {START}"


def record(then: str) -> tuple[str, str]:
    """Commands to change the record of a Pod's address, `$f`."""
    find = f'f=$(grep -l \'"state":"live"\' {ADDRESSES}/* | head -n 1) && test -n "$f"'
    plant = f"{MAKE} && {find} && echo $f >{KEPT}/name && cp -p $f {KEPT}/record && {then}"
    return plant, f"mv {KEPT}/record $(cat {KEPT}/name)"


REMOVE = f"rm {CACHE}/$e"
PLANTED: tuple[Planted, ...] = (
    Planted(
        "repair does not start at boot",
        "systemctl disable edgeadm-repair",
        "systemctl enable edgeadm-repair",
        "unit-edgeadm-repair",
    ),
    Planted("nobody keeps the copy", STOP, START, "unit-edgeadm-keep"),
    Planted(
        "nobody renews the certificate",
        "systemctl disable --now edgeadm-certificate.timer",
        "systemctl enable --now edgeadm-certificate.timer",
        "unit-edgeadm-certificate",
    ),
    Planted(
        "repair no longer comes first",
        f"{edited(f'{UNITS}/edgeadm-repair.service', '/^Before=/d')[0]} && {RELOAD}",
        f"{edited(f'{UNITS}/edgeadm-repair.service', '')[1]} && {RELOAD}",
        "boot-order",
    ),
    Planted(
        "the kubelet waits for a network",
        f"{dropped('After=network-online.target')} && {RELOAD}",
        f"rm {DROP_IN} && {RELOAD}",
        "boot-offline",
        "warning",
    ),
    Planted(
        "a unit was changed and systemd not told",
        dropped("Documentation=man:planted"),
        f"rm {DROP_IN} && {RELOAD}",
        "units-read",
        "warning",
    ),
    Planted(
        "the virtual address is gone",
        f"{STOP} && ip addr del {VIRTUAL}/32 dev {LINK}",
        f"ip addr add {VIRTUAL}/32 dev {LINK} && {START}",
        "virtual-address",
    ),
    Planted(
        "somebody emptied the packet filter",
        f"{STOP}; {NFT}; $n delete table ip edgeadm",
        f"systemctl restart edgeadm-service-ip && {START}",
        "service-rules",
    ),
    Planted(
        "Services have no route of last resort",
        f"{STOP} && ip route flush table default",
        f"systemctl reload edgeadm-nic && {START}",
        "service-routes",
    ),
    Planted(
        "nothing restores what others flush",
        *moved("/etc/kubernetes/edge/kernel.json"),
        "kernel-kept",
        "warning",
    ),
    Planted(
        "nothing holds the node's address",
        edited(f"{UNITS}/edgeadm-keep.service", "/--hold=/d")[0],
        edited(f"{UNITS}/edgeadm-keep.service", "")[1],
        "card-address",
        "warning",
    ),
    Planted(
        "lite-apiserver hangs",
        "systemctl kill --signal=STOP lite-apiserver",
        "systemctl kill --signal=CONT lite-apiserver",
        "lite-answers",
    ),
    Planted("lite-apiserver's certificate is gone", *moved(PAIR), "lite-certificate"),
    Planted(
        "the kubelet asks the cloud",
        *edited(KUBELET_CONF, "'s#server: .*#server: https://192.0.2.1:6443#'"),
        "kubelet-server",
    ),
    Planted(
        "a foreign network configuration comes first",
        f"echo '{FOREIGN}' >{BEFORE_OURS}",
        f"rm {BEFORE_OURS}",
        "cni-first",
    ),
    Planted(
        "the network forgets addresses",
        *edited(CONFLIST, "s/edge-ipam/host-local/"),
        "cni-memory",
    ),
    Planted("the plugin that remembers is gone", *moved(PLUGIN), "cni-plugins"),
    Planted("flannel's file is empty", *edited(SUBNET, "d"), "flannel-subnet"),
    Planted(
        "the bridge has an address of another range",
        "ip addr add 198.51.100.1/24 dev cni0",
        "ip addr del 198.51.100.1/24 dev cni0",
        "flannel-links",
    ),
    Planted(
        "flannel's link has another MAC",
        f"{MAKE} && {MAC} >{KEPT}/mac && ip link set flannel.1 address 02:00:00:00:00:01",
        # With its address the link loses flannel's neighbour entries, which flannel adds at its start.
        f"ip link set flannel.1 address $(cat {KEPT}/mac) && pkill -x flanneld",
        "flannel-node",
    ),
    Planted("a record was cut short", *record("truncate -s 20 $f"), "address-store"),
    Planted("a Pod has no record", *record("rm $f"), "address-records"),
    Planted(
        "DNS is silent",
        f"{NFT}; $n add table ip planted && $n add chain ip planted output "
        "'{ type filter hook output priority 0; }' && "
        f"$n add rule ip planted output ip daddr {VIRTUAL} udp dport 53 drop",
        f"{NFT}; $n delete table ip planted",
        "dns-answers",
    ),
    Planted(
        "Pods ask the cloud's DNS",
        *edited(KUBELET_CONFIG, f"s/{VIRTUAL.replace('.', '[.]')}/10.96.0.10/"),
        "dns-asked",
    ),
    Planted("the cache is open to all", f"chmod 0755 {CACHE}", f"chmod 0700 {CACHE}", "cache-private"),
    Planted(
        "the kubelet's list of Services is missing",
        *entry(CACHE, "^kubelet_.*_services_.*_list$", REMOVE),
        "cache-kubelet",
    ),
    Planted(
        "kubelet found no CSINode",
        *entry(CACHE, "^kubelet_.*_csinodes_", REMOVE),
        "cache-own",
    ),
    Planted(
        "kube-proxy's endpoints are missing",
        *entry(CACHE, "^kube-proxy.*_endpointslices_.*_list$", REMOVE),
        "cache-kube-proxy",
    ),
    Planted(
        "flannel's list of nodes is missing",
        *entry(CACHE, "^flannel.*_nodes_.*_list$", REMOVE),
        "cache-flannel",
    ),
    Planted(
        "the DNS's list of namespaces is missing",
        *entry(CACHE, "^coredns.*_namespaces_.*_list$", REMOVE),
        "cache-dns",
    ),
    Planted(
        "an entry was cut short",
        *entry(CACHE, "^kubelet_.*_configmaps_.*_list$", f"truncate -s 40 {CACHE}/$e"),
        "cache-whole",
    ),
    Planted(
        "the copy lacks an entry",
        *entry(SNAPSHOT, "^coredns.*_services_.*_list$", f"rm {SNAPSHOT}/$e"),
        "snapshot-whole",
    ),
    Planted(
        "an image is missing",
        f"{STOP}; {IMAGE}; {MAKE} && echo $i >{KEPT}/image && {CTR} tag $i {COPY} && {CTR} rm --sync $i",
        f"i=$(cat {KEPT}/image) && {CTR} tag {COPY} $i && {CTR} label $i {PIN}=pinned && "
        f"{CTR} rm {COPY} && {START}",
        "images-present",
    ),
    Planted(
        "an image is no longer pinned",
        f"{STOP}; {IMAGE}; {CTR} label $i {PIN}=",
        f"{IMAGE}; {CTR} label $i {PIN}=pinned && {START}",
        "images-pinned",
    ),
    Planted(
        "the disk is fuller than the kubelet wants",
        f"{MAKE} && cp -p {KUBELET_CONFIG} {KEPT} && "
        f"printf 'evictionHard: {{nodefs.available: 99.9%%}}\\n' >>{KUBELET_CONFIG}",
        f"mv {KEPT}/config.yaml {KUBELET_CONFIG}",
        "disk-free",
    ),
    Planted(
        "the copy is in memory alone",
        f"{STOP} && mount -t tmpfs -o mode=0700 planted {SNAPSHOT}",
        f"umount {SNAPSHOT} && {START}",
        "disk-kept",
    ),
)
