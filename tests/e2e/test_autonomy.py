"""An offline edge node recovers from each power cycle by itself, with the addresses of its Pods; pending
changes of the cluster are applied once the link is up."""

from __future__ import annotations

import json

import pytest

from tests.e2e.autonomy import COREFILE, STATIC, Shop, say
from tests.e2e.tier import POWER_CYCLES
from tests.e2e.tunnel import EdgeCluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
CYCLES = ("off", "kill") * (POWER_CYCLES // 2)
STAYS = 600.0  # seconds
CHECKPOINTS = {"allocated_pods_state", "cpu_manager_state", "memory_manager_state"}
MANIFEST = "/etc/kubernetes/manifests/own.yaml"


def test_every_kind_of_pod_runs_and_its_address_is_remembered(shop: Shop, before: dict[str, str]) -> None:
    assert len(before) == 9
    own = {f"default/{name}": address for name, address in before.items() if name != "edge1"}
    assert own.items() <= shop.remembered().items()
    assert shop.whole(before)


@pytest.fixture(scope="module")
def cut(shop: Shop, before: dict[str, str]) -> Shop:
    """edge1 has no carrier, no address and no route from here on, until a test sets its link up."""
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


def test_back_on_its_cable_it_is_ready_and_nothing_restarts(cut: Shop, before: dict[str, str]) -> None:
    running = cut.programs()
    cut.edge1.link(up=True)
    seconds = cut.wait_ready("edge1")
    until(lambda: cut.ready_pods() == 10, "every Pod is Ready in the API")
    until(lambda: cut.healed("edge1"), "nobody is refused with a token from the outage any more")
    say(f"Ready {seconds:.1f} s after the cable was back, {cut.refusals('edge1')} answers 401 meanwhile")
    stayed = {name: address for name, address in before.items() if not name.startswith("goes-")}
    assert stayed.items() <= cut.here().items()
    # The container of the evicted Pod has ended, and flannel's, whose link used the node's own.
    ended = {each for each in running - cut.programs() if "flanneld" not in each}
    assert len(ended) == 1
    pod = next(name for name in stayed if name.startswith("web-"))
    until(lambda: cut.inside(pod, "far"), "a Pod gets at the Service on the other node")
    until(EdgeCluster(cut.sandbox, pod=pod).works, "everything is reached through the tunnel again")


def test_reset_takes_all_of_it_back(shop: Shop) -> None:
    """Everything else is compared in the tests of reset."""
    told = json.loads(shop.edge1.exec(["edgeadm", "reset", "-f", "-o", "json"]).out)
    left = [each["what"] for each in told["residue"]]
    say(f"left behind: {left}")
    for place in ("/var/lib/cni", "/var/lib/flannel", "/run/cni", "/data", "/etc/cni"):
        assert shop.edge1.exec(["test", "-e", place], check=False).code == 1, place
        assert place not in left


def test_nothing_was_forwarded_out_of_the_sandbox(shop: Shop) -> None:
    assert shop.sandbox.forwarded_packets() == 0
