"""Does the kubelet ask this node's lite-apiserver, with a certificate that holds?"""

from __future__ import annotations

from edgeadm import pki
from edgeadm.autonomy.check import Check, Found, failed, not_applicable, ok, warning
from edgeadm.autonomy.node import KUBELET_CONFIG, EdgeNode
from edgeadm.cluster.kubeconfig import server_of
from edgeadm.kubeadm import compat
from edgeadm.phases.common import KUBELET_CONF
from edgeadm.phases.lite_files import PAIR
from edgeadm.phases.membership import CLIENT
from edgeadm.phases.node_files import SNAPSHOT

GROUP = "kubelet"
THIRD = 1 / 3
GATE = "WatchListClient"
HARDWARE_CLOCKS = "/sys/class/rtc"
# Where edge-keep and systemd-timesyncd note the time, which a boot without a better clock goes on from.
NOTED = (f"{SNAPSHOT}/.node/clock", "/var/lib/systemd/timesync/clock")
SET_THE_CLOCK = "set the clock: `timedatectl set-time`, or a time service"


def _server(node: EdgeNode) -> Found:
    found = server_of(node.host.read(KUBELET_CONF))
    if found == node.server:
        return ok(f"{KUBELET_CONF} names {found}")
    return failed(f"{KUBELET_CONF} names {found or 'no server'}, and lite-apiserver is at {node.server}")


def _certificate(node: EdgeNode) -> Found:
    lifetime = pki.lifetime(node.host.read(CLIENT) or b"")
    if lifetime is None:
        return failed(f"{CLIENT} holds no certificate")
    begin, end = lifetime
    left = end - node.now
    if left.total_seconds() <= 0:
        return failed(f"it has expired, {-left.days} days ago: nobody lets the node in any more")
    if left / (end - begin) < THIRD:
        return warning(f"valid for {left.days} days: an outage that lasts longer needs the cloud to end it")
    return ok(f"valid for {left.days} days")


def _clock(node: EdgeNode) -> Found:
    begins = [found[0] for path in (CLIENT, PAIR) if (found := pki.lifetime(node.host.read(path) or b""))]
    if not begins:
        return not_applicable("there is no certificate to compare it with")
    latest = max(begins)
    if node.now < latest:
        return failed(f"it says {node.now:%Y-%m-%d %H:%M}, and a certificate begins {latest:%Y-%m-%d %H:%M}")
    return ok(f"it says {node.now:%Y-%m-%d %H:%M} UTC")


def _clock_kept(node: EdgeNode) -> Found:
    if node.host.names(HARDWARE_CLOCKS):
        return ok("there is a hardware clock")
    if node.host.ask("systemd-detect-virt", "--container").code == 0:
        return not_applicable("this node is a container: its clock is the machine's")
    for path in NOTED:
        if node.host.stat(path) is not None:
            return ok(f"no hardware clock, but {path} has the time of before")
    return warning("there is no hardware clock, and nobody notes the time: it may be years behind")


def _lists(node: EdgeNode) -> Found:
    version = node.kubelet_version
    if not version:
        return failed("`kubelet --version` does not answer")
    if not compat.watches_lists(version):
        return not_applicable(f"the kubelet of {version} asks for lists as lists")
    gates = node.kubelet_config.get("featureGates") or {}
    if gates.get(GATE) is False:
        return ok(f"{GATE} is off")
    return failed(f"{GATE} is not off in {KUBELET_CONFIG}: lite-apiserver cannot keep lists that come so")


KUBELET_CHECKS = (
    Check(
        "kubelet-server",
        GROUP,
        "the kubelet asks lite-apiserver",
        f"put the server of lite-apiserver into {KUBELET_CONF} and `systemctl restart kubelet`; "
        "`kubeadm init phase kubeconfig` and others write the file anew",
        _server,
    ),
    Check(
        "kubelet-lists",
        GROUP,
        "the kubelet asks for lists in a way that lite-apiserver can keep",
        f"set `featureGates: {{{GATE}: false}}` in {KUBELET_CONFIG} and `systemctl restart kubelet`",
        _lists,
    ),
    Check(
        "kubelet-certificate",
        GROUP,
        "the kubelet's own certificate is good for a while to come",
        "the kubelet renews it by itself while the cloud is there; once it has expired, join the node anew",
        _certificate,
    ),
    Check("clock", GROUP, "the clock is later than the begin of every certificate", SET_THE_CLOCK, _clock),
    Check(
        "clock-kept",
        GROUP,
        "the clock goes on while the power is off",
        "does edge-keep run? Else enable systemd-timesyncd: both note the time",
        _clock_kept,
    ),
)
