"""Changes of the cluster, a power cut of a whole site and a full disk while an edge node is offline, and the
results once the link is up."""

from __future__ import annotations

import json

import pytest

from tests.e2e.autonomy import COREFILE, Shop, say
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
# Above the 85 % at which the kubelet begins to delete images, below the threshold for evictions.
FILL = (
    "size=$(df --output=size -B1 / | tail -1) used=$(df --output=used -B1 / | tail -1); "
    "fallocate -l $((size * 90 / 100 - used)) /var/tmp/filled"
)
OVER = "Disk usage on image filesystem is over the high threshold"


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


def test_nothing_was_forwarded_out_of_the_sandbox(shop: Shop) -> None:
    assert shop.sandbox.forwarded_packets() == 0
