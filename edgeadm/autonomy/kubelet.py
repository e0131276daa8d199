"""Checks that the kubelet uses this node's lite-apiserver, with a valid certificate."""

from __future__ import annotations

from edgeadm import pki
from edgeadm.autonomy.node import KUBELET_CONFIG, EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, not_applicable, ok, warning
from edgeadm.cluster.kubeconfig import server_of
from edgeadm.kubeadm import compat
from edgeadm.node.lite_files import PAIR
from edgeadm.node.membership import CLIENT
from edgeadm.node.offline_files import SNAPSHOT
from edgeadm.node.state import KUBELET_CONF

GROUP = "kubelet"
THIRD = 1 / 3
GATE = "WatchListClient"
HARDWARE_CLOCKS = "/sys/class/rtc"
# The files in which edgeadm-keep and systemd-timesyncd store the time for a boot without a better clock.
NOTED = (f"{SNAPSHOT}/.node/clock", "/var/lib/systemd/timesync/clock")
SET_THE_CLOCK = "set the clock: `timedatectl set-time`, or a time service"


def _server(node: EdgeNode) -> Outcome:
    found = server_of(node.host.read(KUBELET_CONF))
    if found == node.server:
        return ok(f"{KUBELET_CONF} names {found}")
    return failed(f"{KUBELET_CONF} contains {found or 'no server'}, but lite-apiserver is at {node.server}")


def _certificate(node: EdgeNode) -> Outcome:
    lifetime = pki.lifetime(node.host.read(CLIENT) or b"")
    if lifetime is None:
        return failed(f"{CLIENT} contains no certificate")
    begin, end = lifetime
    left = end - node.now
    if left.total_seconds() <= 0:
        return failed(f"it expired {-left.days} days ago: the API server rejects the node")
    if left / (end - begin) < THIRD:
        return warning(f"valid for {left.days} days: the node cannot recover on its own from a longer outage")
    return ok(f"valid for {left.days} days")


def _clock(node: EdgeNode) -> Outcome:
    begins = [found[0] for path in (CLIENT, PAIR) if (found := pki.lifetime(node.host.read(path) or b""))]
    if not begins:
        return not_applicable("there is no certificate to compare it with")
    latest = max(begins)
    if node.now < latest:
        return failed(
            f"it shows {node.now:%Y-%m-%d %H:%M}, but a certificate is valid only from "
            f"{latest:%Y-%m-%d %H:%M}"
        )
    return ok(f"it shows {node.now:%Y-%m-%d %H:%M} UTC")


def _clock_kept(node: EdgeNode) -> Outcome:
    if node.host.names(HARDWARE_CLOCKS):
        return ok("there is a hardware clock")
    if node.host.ask("systemd-detect-virt", "--container").code == 0:
        return not_applicable("this node is a container: it uses the clock of its host")
    for path in NOTED:
        if node.host.stat(path) is not None:
            return ok(f"no hardware clock, but {path} stores the last known time")
    return warning(
        "there is no hardware clock, and no service stores the time: the clock may be years behind"
    )


def _lists(node: EdgeNode) -> Outcome:
    version = node.kubelet_version
    if not version:
        return failed("`kubelet --version` fails")
    if not compat.watches_lists(version):
        return not_applicable(f"the kubelet of {version} does not use watches for lists")
    gates = node.kubelet_config.get("featureGates") or {}
    if gates.get(GATE) is False:
        return ok(f"{GATE} is off")
    return failed(
        f"{GATE} is not off in {KUBELET_CONFIG}: lite-apiserver cannot cache lists that are sent as watches"
    )


KUBELET_CHECKS = (
    Check(
        "kubelet-server",
        GROUP,
        "the kubelet uses lite-apiserver",
        _server,
        hint=f"set the server to lite-apiserver in {KUBELET_CONF} and `systemctl restart kubelet`; `kubeadm "
        "init phase kubeconfig` overwrites the file",
    ),
    Check(
        "kubelet-lists",
        GROUP,
        "the kubelet requests lists that lite-apiserver can cache",
        _lists,
        hint=f"set `featureGates: {{{GATE}: false}}` in {KUBELET_CONFIG} and `systemctl restart kubelet`",
    ),
    Check(
        "kubelet-certificate",
        GROUP,
        "the kubelet's own certificate is not about to expire",
        _certificate,
        hint="the kubelet renews it while the cloud is reachable; once it has expired, join the node again",
    ),
    Check("clock", GROUP, "the clock is after every certificate's notBefore", _clock, hint=SET_THE_CLOCK),
    Check(
        "clock-kept",
        GROUP,
        "the clock keeps the time while the power is off",
        _clock_kept,
        hint="check that edgeadm-keep runs, or enable systemd-timesyncd: both store the time",
    ),
)
