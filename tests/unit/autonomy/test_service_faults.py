"""Faults of units, addresses, lite-apiserver, the kubelet and the clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from edgeadm.cluster.errors import CertificateUntrustedError, ConnectionRefusedByHostError
from edgeadm.hosts import Result
from edgeadm.node import service_ip
from edgeadm.node.kernel_state import FILE as KERNEL
from edgeadm.node.lite_files import LINK, PAIR
from edgeadm.node.membership import CLIENT, KUBELET_FLAGS
from edgeadm.node.offline_files import HELPER
from edgeadm.node.state import KUBELET_CONF
from edgeadm.node.units import KEEP_FILE
from tests.certificates import new_pair
from tests.steady_node import (
    RULE,
    TABLE,
    EdgeNode,
    certificate,
    kubeconfig,
    serving,
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

NFT = f"{service_ip.TOOL} list table ip edgeadm"


def unit(name: str, **state: str) -> Plant:
    return lambda node: node.units[name].update(state)


def expired_client() -> bytes:
    return certificate("system:node:edge1", days=-1, begun=timedelta(days=366))


SERVICE_FAULTS: list[Fault] = [
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
        "the unit of the rules is missing",
        unit("edgeadm-service-ip", LoadState="not-found"),
        "unit-edgeadm-service-ip",
        "failed",
    ),
    ("the kubelet restarts repeatedly", unit("kubelet", ActiveState="activating"), "unit-kubelet", "failed"),
    ("edgeadm-keep has failed", unit("edgeadm-keep", ActiveState="failed"), "unit-edgeadm-keep", "failed"),
    (
        "the renewal timer is disabled",
        unit("edgeadm-certificate.timer", UnitFileState="disabled"),
        "unit-edgeadm-certificate",
        "failed",
    ),
    (
        "repair starts too late",
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
        "edgeadm-node is missing",
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
        "the ranges of Services are not known",
        lambda node: [
            node.knows(service_ranges=()),
            node.host.answers.update(
                {"ip route show table default": Result(out=f"10.96.0.1 dev {LINK} scope link")}
            ),
        ],
        "service-routes",
        "warning",
    ),
    ("the list of kernel state is missing", remove(KERNEL), "kernel-kept", "warning"),
    (
        "edgeadm-keep does not have the list of kernel state",
        write(KEEP_FILE, f"keep --hold={LINK}".encode()),
        "kernel-kept",
        "warning",
    ),
    (
        "edgeadm-keep does not hold the address",
        write(KEEP_FILE, f"keep --kernel={KERNEL}".encode()),
        "card-address",
        "warning",
    ),
    ("the kubelet is not configured with its address", remove(KUBELET_FLAGS), "card-address", "warning"),
    ("the virtual address is missing", link(LINK), "virtual-address", "failed"),
    ("the link has another address", link(LINK, "169.254.20.12/32"), "virtual-address", "failed"),
    (
        "the nftables table is missing",
        answer(NFT, Result(code=1, err="No such file")),
        "service-rules",
        "failed",
    ),
    ("a chain is empty", answer(NFT, Result(out=TABLE.replace(RULE, "", 1))), "service-rules", "failed"),
    (
        "lite-apiserver refuses connections",
        nearby(answer=ConnectionRefusedByHostError("refused")),
        "lite-answers",
        "failed",
    ),
    (
        "another server responds",
        nearby(answer=CertificateUntrustedError("not signed")),
        "lite-answers",
        "failed",
    ),
    ("its certificate is missing", remove(PAIR), "lite-certificate", "failed"),
    (
        "its certificate is another CA's",
        write(PAIR, serving(ca=new_pair("x", days=400))),
        "lite-certificate",
        "failed",
    ),
    ("its certificate expires within days", write(PAIR, serving(days=5)), "lite-certificate", "failed"),
    (
        "the kubelet uses the API server in the cloud",
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
        "the kubelet's certificate expires soon",
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
    ("no clock keeps the time across boots", remove("/sys/class/rtc/rtc0/x"), "clock-kept", "warning"),
]


@planted(SERVICE_FAULTS)
def test_a_fault_is_found_by_its_check_alone(plant: Plant, code: str, result: str, tmp_path: Path) -> None:
    assert_found_alone(EdgeNode(tmp_path), plant, code, result)


def test_an_interface_without_its_address_is_no_fault_while_edgeadm_keep_holds_it(tmp_path: Path) -> None:
    node = EdgeNode(tmp_path)
    node.links |= {"eth0": [], LINK: [*node.links[LINK], "10.0.0.21/32"]}
    (found,) = (each for each in node.findings() if each.code == "card-address")
    assert (found.result, "edgeadm-keep holds it" in found.text) == ("ok", True)
