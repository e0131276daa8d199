"""An edge node whose cable is cut comes back by itself after each power cycle, its Pods with the addresses
that they had; and what the cloud wants of it meanwhile comes about once the cable is back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.sandbox import Node, Sandbox
from tests.e2e.autonomy import COREFILE, DRILL_TABLE, NFT, STATIC, Shop
from tests.e2e.planted import PLANTED, Planted
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
CYCLES = ("off", "kill") * 5
STAYS = 600.0  # seconds
# What somebody may do to a machine who does not think of edgeadm.
FLUSHES = (
    "systemctl enable --now nftables",
    "systemctl reload nftables",
    "nft flush ruleset",
    "nft flush table ip edgeadm",
    "ip link del tkeedgedns",
    "ip route flush table default",
    "sysctl -w net.ipv4.ip_forward=0",
)
KERNEL = "/etc/kubernetes/edge/kernel.json"
# An answer of each program that a second start asks for; of kubelet also one that join prefetches.
AT_A_START = (
    *("kubelet_.*_csinodes_", "kubelet_.*_pods_"),
    *("kube-proxy_.*_services_", "flanneld_.*_nodes_", "coredns_.*_services_"),
)
CHECKPOINTS = {"allocated_pods_state", "cpu_manager_state", "memory_manager_state"}
MANIFEST = "/etc/kubernetes/manifests/own.yaml"
# More than the 85 % at which the kubelet begins to remove images, less than what would cost Pods their place.
FILL = (
    "size=$(df --output=size -B1 / | tail -1) used=$(df --output=used -B1 / | tail -1); "
    "fallocate -l $((size * 90 / 100 - used)) /var/tmp/filled"
)
OVER = "Disk usage on image filesystem is over the high threshold"


def say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")


@pytest.fixture(scope="module")
def shop(make_sandbox: Callable[..., Sandbox], package: Path) -> Shop:
    found = Shop(make_sandbox(control_planes=1, edges=2, package=package))
    found.make()
    found.open()
    return found


@pytest.fixture(scope="module")
def before(shop: Shop) -> dict[str, str]:
    """The Pods of edge1 and their addresses, before anything happens to them."""
    return shop.here()


def failed_checks(node: Node) -> dict[str, str]:
    """Codes of the checks that are not content, with what each found."""
    told = node.exec(["edgeadm", "check", "autonomy", "-o", "json"], check=False).out
    return {
        each["code"]: f"{each['result']}: {each['found']}"
        for each in json.loads(told)["checks"]
        if each["result"] in ("failed", "warning")
    }


def card(node: Node) -> tuple[str, str]:
    """The addresses of the node's card, and its routes."""
    return tuple(  # type: ignore[return-value]
        node.exec(["ip", "-o", *words, "dev", "eth0"]).out
        for words in (("addr", "show", "scope", "global"), ("route", "show"))
    )


def test_every_kind_of_pod_runs_and_its_address_is_remembered(shop: Shop, before: dict[str, str]) -> None:
    assert len(before) == 9
    own = {f"default/{name}": address for name, address in before.items() if name != "edge1"}
    assert own.items() <= shop.remembered().items()
    assert shop.whole(before)


def test_a_node_that_would_come_back_is_told_so(shop: Shop) -> None:
    for node in (shop.edge1, shop.edge2):
        until(lambda node=node: not failed_checks(node), f"{node.name} has nothing to complain of")


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: f"{fault.code}-{PLANTED.index(fault)}")
def test_a_fault_is_found(fault: Planted, shop: Shop) -> None:
    shop.edge2.exec(["bash", "-c", fault.plant])
    try:
        until(
            lambda: failed_checks(shop.edge2).get(fault.code, "").startswith(fault.result),
            f"{fault.what}: it is found",
            60,
        )
    finally:
        shop.edge2.exec(["bash", "-c", fault.take_back])


def test_with_all_faults_taken_back_nothing_is_found(shop: Shop) -> None:
    until(lambda: not failed_checks(shop.edge2), "nothing is found any more")


@pytest.mark.parametrize("flush", FLUSHES)
def test_state_of_the_kernel_that_others_flush_is_restored(flush: str, shop: Shop) -> None:
    states = json.loads(shop.edge2.read(KERNEL))["states"]
    shop.edge2.exec(["bash", "-c", flush])

    def there() -> bool:
        shown = [(each, shop.edge2.exec(each["show"], check=False).out) for each in states]
        return all(out.count(each["has"]) >= each["times"] for each, out in shown)

    until(there, f"all of it is there again after `{flush}`", 60)
    until(lambda: not failed_checks(shop.edge2), "nothing is found any more")


def test_a_host_port_answers_again_after_the_packet_filter_was_flushed(shop: Shop) -> None:
    shop.edge1.exec(["nft", "flush", "ruleset"])
    assert "HOSTPORT" not in shop.edge1.exec(["iptables", "-t", "nat", "-S"]).out
    until(shop.host_port, "the Pod with a port of the node answers there")


def test_a_second_start_asks_for_nothing_that_join_did_not_prefetch(shop: Shop) -> None:
    """Whatever a later Kubernetes asks for besides turns this red: edgeadm/phases/answers.py has the list."""
    before = shop.entries(shop.edge2)
    shop.edge2.exec(["systemctl", "restart", "kubelet"])
    shop.edge2.exec(["pkill", "-x", "flanneld|kube-proxy|coredns"])

    def asked() -> bool:
        young = [key for key, age in shop.entries(shop.edge2).items() if age < before.get(key, age + 1)]
        return all(any(re.match(each, key) for key in young) for each in AT_A_START)

    until(asked, "all of them have asked again")
    until(lambda: not failed_checks(shop.edge2), "edge2 has nothing to complain of")
    assert shop.entries(shop.edge2).keys() - before.keys() == set()


def test_a_rehearsed_outage_leaves_the_node_as_it_was(shop: Shop, before: dict[str, str]) -> None:
    rules, network = shop.edge1.exec([NFT, "list", "tables"]).out, card(shop.edge1)
    words = ["edgeadm", "drill", "offline", "--node", "edge1", "--minutes", "1", "--restart", "--no-address"]
    # lite-apiserver may be silent for half a minute or longer: its connection to the cloud was
    # open. Then the drill says so, with status 2.
    done = shop.edge1.exec([*words, "-o", "json"], check=False)
    told = json.loads(done.out)
    assert (done.code, told["lifted"], told["restarted"]) == (0 if told["survived"] else 2, True, True)
    silent = [each["what"] for each in told["questions"] if not each["answered"]]
    assert silent == [], told
    assert {each["outcome"] for each in told["pods"]} == {"kept"}, told
    assert shop.edge1.exec([NFT, "list", "tables"]).out == rules
    assert card(shop.edge1) == network
    assert shop.whole(before)


def test_a_rehearsal_that_is_killed_is_ended_by_the_node_itself(shop: Shop) -> None:
    """It is waited for in a later test: meanwhile others go on."""
    words = "nohup edgeadm drill offline --minutes 1 --no-address >/dev/null 2>&1 &"
    shop.edge2.exec(["bash", "-c", words])
    until(lambda: card(shop.edge2) == ("", ""), "the drill has begun")
    shop.edge2.exec(["pkill", "-KILL", "-f", "drill offline --minutes"])
    assert DRILL_TABLE in shop.edge2.exec([NFT, "list", "tables"]).out


@pytest.fixture(scope="module")
def cut(shop: Shop, before: dict[str, str]) -> Shop:
    """edge1 has no carrier, no address and no route from here on, until a test puts its cable back."""
    assert before
    shop.edge1.link(up=False, address=False)
    return shop


@pytest.mark.parametrize("turn", range(len(CYCLES)), ids=lambda turn: f"{turn + 1}-{CYCLES[turn]}")
def test_cut_off_it_comes_back_with_the_same_pods_and_addresses(
    turn: int, cut: Shop, before: dict[str, str]
) -> None:
    seconds, all_of_it = cut.cycle(CYCLES[turn], before)
    say(f"cut off, {CYCLES[turn]}: Pods answer after {seconds:.1f} s, Services and DNS after {all_of_it:.1f}")


def test_cut_off_it_comes_back_with_its_kubelets_checkpoints_broken(
    cut: Shop, before: dict[str, str]
) -> None:
    """A kubelet does not start with such a file: `edgeadm-node repair` removes it first."""
    broken = cut.break_checkpoints()
    assert {path.rpartition("/")[2] for path in broken} >= CHECKPOINTS
    cut.cycle("kill", before)
    assert cut.repaired() == broken


def test_a_static_pod_that_comes_while_cut_off_gets_a_free_address(cut: Shop, before: dict[str, str]) -> None:
    cut.edge1.write("/etc/own/Corefile", COREFILE)
    cut.edge1.write(MANIFEST, STATIC)
    until(lambda: "own-edge1" in cut.here(), "the Pod answers")
    assert cut.here()["own-edge1"] not in before.values()
    assert before.items() <= cut.here().items()
    cut.edge1.exec(["rm", MANIFEST])
    until(lambda: cut.here() == before, "it is gone again")


def test_the_cloud_takes_only_pods_that_tolerate_no_more_than_five_minutes(cut: Shop) -> None:
    def leaving() -> set[str]:
        items = cut.get("pods")["items"]
        return {
            each["metadata"]["labels"]["app"] for each in items if "deletionTimestamp" in each["metadata"]
        }

    until(lambda: leaving() == {"goes"}, "the cloud gives up one Pod")


def test_ten_minutes_after_such_a_boot_kubelet_still_runs(cut: Shop, before: dict[str, str]) -> None:
    """Without its CSINode, kubelet exits some minutes after a start. Other tests took part of the time."""
    until(lambda: cut.restarts("kubelet")[1] > STAYS, "kubelet has had its time", 2 * STAYS)
    assert cut.restarts("kubelet")[0] == 0
    assert cut.here().items() >= {
        (name, address) for name, address in before.items() if not name.startswith("goes-")
    }


def test_the_killed_rehearsal_has_ended(shop: Shop) -> None:
    until(lambda: DRILL_TABLE not in shop.edge2.exec([NFT, "list", "tables"]).out, "its timer fired")
    assert shop.edge2.ip in card(shop.edge2)[0]
    assert "default" in card(shop.edge2)[1]
    until(lambda: shop.ready("edge2") == "True", "edge2 is Ready")


def test_back_on_its_cable_it_is_ready_and_nothing_restarts(cut: Shop, before: dict[str, str]) -> None:
    running = cut.programs()
    cut.edge1.link(up=True)
    seconds = cut.wait_ready("edge1")
    until(lambda: cut.ready_pods() == 10, "every Pod is Ready in the API")
    until(lambda: cut.healed("edge1"), "nobody is refused with a token from the outage any more")
    say(f"Ready {seconds:.1f} s after the cable was back, {cut.refusals('edge1')} answers 401 meanwhile")
    stayed = {name: address for name, address in before.items() if not name.startswith("goes-")}
    assert stayed.items() <= cut.here().items()
    # That of the Pod that the cloud gave up has ended, and flannel, whose link stood on the node's own.
    ended = {each for each in running - cut.programs() if "flanneld" not in each}
    assert len(ended) == 1
    pod = next(name for name in stayed if name.startswith("web-"))
    until(lambda: cut.inside(pod, "far"), "a Pod gets at the Service on the other node")


def test_what_the_cloud_wanted_meanwhile_comes_about(shop: Shop) -> None:
    gone = next(
        each["metadata"]["name"] for each in shop.pods() if each["metadata"]["labels"]["app"] == "web"
    )
    shop.edge1.link(up=False)
    try:
        shop.kubectl("delete", "pod", gone, "--wait=false")
        shop.kubectl("scale", "deployment/web", "--replicas=2")
        change = json.dumps({"data": {"Corefile": "# another\n" + COREFILE}})
        shop.kubectl("patch", "configmap", "web", "--type=merge", "-p", change)
        assert gone in shop.here()
    finally:
        shop.edge1.link(up=True)
    until(lambda: gone not in shop.here() and shop.ready_pods() == 9, "as many Pods as are wanted")
    until(lambda: len(shop.here()) == 8, "as many answer")
    until(shop.has_new_settings, "the Pods see the changed ConfigMap")


def test_a_node_that_was_drained_meanwhile_is_empty_once_it_hears_of_it(shop: Shop) -> None:
    shop.edge1.link(up=False)
    try:
        options = ("--force", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=10s")
        shop.kubectl("drain", "edge1", *options, check=False)
        assert len(shop.here()) == 8
    finally:
        shop.edge1.link(up=True)
    until(lambda: {name.split("-")[0] for name in shop.here()} == {"agent"}, "only the DaemonSet's is left")
    shop.kubectl("uncordon", "edge1")
    until(lambda: shop.ready_pods() == 9 and len(shop.here()) == 8, "all are back")


def test_two_nodes_of_a_site_go_on_together_without_the_cloud(shop: Shop) -> None:
    before = shop.here()
    pod = next(name for name in before if name.startswith("web-"))
    shop.cp1.link(up=False)
    try:
        until(lambda: shop.inside(pod, "far"), "a Pod of edge1 gets at the Service on edge2")
        for name in ("edge1", "edge2"):
            shop.sandbox.power(name, "kill")
        for name in ("edge1", "edge2"):
            shop.sandbox.power(name, "on")
        until(lambda: shop.whole(before), "edge1 is as it was")
        until(lambda: shop.inside(pod, "far"), "and gets at the Service on edge2")
    finally:
        shop.cp1.link(up=True)
    until(lambda: shop.ready_pods() == 9, "every Pod is Ready in the API")


def test_a_full_disk_and_a_link_that_swallows_everything_cost_nothing(shop: Shop) -> None:
    before = shop.here()
    images = shop.images()
    shop.edge1.exec(["bash", "-c", FILL])
    shop.cut(on=True)
    try:
        seconds, all_of_it = shop.cycle("kill", before)
        say(
            f"black hole, full disk: every Pod answers after {seconds:.1f} s, all of it after {all_of_it:.1f}"
        )
        until(lambda: OVER in shop.log("kubelet"), "the kubelet looks for images to remove")
        assert shop.images() == images
        assert shop.here() == before
    finally:
        shop.cut(on=False)
        shop.edge1.exec(["rm", "/var/tmp/filled"])
    until(lambda: shop.ready_pods() == 9, "every Pod is Ready in the API")


def test_reset_takes_all_of_it_back(shop: Shop) -> None:
    """Everything else of it is compared in the journeys of reset."""
    told = json.loads(shop.edge1.exec(["edgeadm", "reset", "-f", "-o", "json"]).out)
    left = [each["what"] for each in told["residue"]]
    say(f"left behind: {left}")
    for place in ("/var/lib/cni", "/var/lib/flannel", "/run/cni", "/data", "/etc/cni"):
        assert shop.edge1.exec(["test", "-e", place], check=False).code == 1, place
        assert place not in left


def test_nothing_was_forwarded_out_of_the_sandbox(shop: Shop) -> None:
    assert shop.sandbox.forwarded_packets() == 0
