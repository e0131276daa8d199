"""Obstacles between a host and its cluster, reproduced on real hosts: each error's complete output, in both
forms, is a golden file, and the host is unchanged afterwards."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from edgeadm.sandbox import Node, Sandbox
from tests.certificates import new_pair
from tests.e2e import front
from tests.e2e.cluster import DONE, TOKEN, Cluster, cluster_of
from tests.e2e.snapshot import OF_A_BOOT, changed, snapshot
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
GOLDEN = Path(__file__).parent / "golden"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NAME = "api.example.net"  # maps to the control plane in the host's /etc/hosts, and is in no certificate


@dataclass(frozen=True)
class Place:
    """The cluster, the bare host that joins it, and the obstacles."""

    cluster: Cluster
    node: Node
    bare: dict[str, list[str]]
    folder: Path

    @property
    def public(self) -> str:
        """Another address of the control plane, which its certificate lacks."""
        return other_address(self.cluster)

    @property
    def nobody(self) -> str:
        """An unassigned address of this network."""
        return f"{self.cluster.cp1.ip.rpartition('.')[0]}.250"

    def neutral(self, text: str) -> str:
        """The text without values that differ between runs."""
        names = {
            self.public: "PUBLIC",
            self.nobody: "NOBODY",
            self.cluster.cp1.ip: "CP1",
            self.cluster.pin: "sha256:PIN",
        }
        for value, name in names.items():
            text = text.replace(value, name)
        return text


def other_address(cluster: Cluster) -> str:
    """An unassigned address of the sandbox's network."""
    return f"{cluster.cp1.ip.rpartition('.')[0]}.200"


@pytest.fixture(scope="module")
def place(begin: Callable[..., Sandbox], tmp_path_factory: pytest.TempPathFactory) -> Place:
    cluster = cluster_of(begin(edges=1))
    node = cluster.node("edge1")
    node.exec(["sh", "-c", f"echo '{other_address(cluster)} {NAME}' >>/etc/hosts"])
    cluster.cp1.exec(["ip", "addr", "add", f"{other_address(cluster)}/24", "dev", "eth0"])
    return Place(cluster, node, snapshot(node), tmp_path_factory.mktemp("fronts"))


# Each creates one obstacle, yields the command line that meets it, and removes it.
Trouble = Callable[[Place], AbstractContextManager[list[str]]]


def given(*args: str, **wrong: str) -> Trouble:
    """Only the command line is wrong."""

    @contextmanager
    def trouble(place: Place) -> Iterator[list[str]]:
        places = {"cp1": place.cluster.cp1.ip, "nobody": place.nobody, "public": place.public}
        yield place.cluster.words(*args, **{key: value.format(**places) for key, value in wrong.items()})

    return trouble


@contextmanager
def expired_token(place: Place) -> Iterator[list[str]]:
    token = "expire.0123456789abcdef"
    place.cluster.cp1.exec(["edgeadm", "token", "create", token, "--ttl", "1s"])

    def is_gone() -> bool:
        secret = ["secret", "bootstrap-token-expire", "--ignore-not-found"]
        return place.cluster.kubectl("-n", "kube-system", "get", *secret) == ""

    until(is_gone, "the cluster has removed the token")
    yield place.cluster.words(token=token)


@contextmanager
def filtered(place: Place, hook: str, rule: str) -> Iterator[None]:
    """The control plane drops or rejects the host's packets."""
    cp1, table = place.cluster.cp1, ["table", "ip", "trouble"]
    cp1.exec(["nft", "add", *table])
    try:
        chain = f"{{ type {hook} hook {'prerouting' if hook == 'nat' else 'input'} priority -150 ; }}"
        cp1.exec(["nft", "add", "chain", "ip", "trouble", "x", chain])
        words = f"ip saddr {place.node.ip} tcp dport 6443 {rule}"
        cp1.exec(["nft", "add", "rule", "ip", "trouble", "x", *words.split()])
        yield
    finally:
        cp1.exec(["nft", "delete", *table])


@contextmanager
def only_public(place: Place) -> Iterator[None]:
    """The host reaches the control plane only at its other address, as through a router."""
    with filtered(place, "filter", f"ip daddr {place.cluster.cp1.ip} reject with tcp reset"):
        yield


def fronted(since: timedelta, until: timedelta, ahead: timedelta = timedelta(), **wrong: bool) -> Trouble:
    """The host meets an API server with another certificate, and another clock."""

    @contextmanager
    def trouble(place: Place) -> Iterator[list[str]]:
        pki = place.cluster.cp1.root / "etc/kubernetes/pki"
        authority = (pki / "ca.crt").read_bytes(), (pki / "ca.key").read_bytes()
        if wrong.get("foreign"):
            authority = new_pair("kubernetes")
        pem = place.folder / "front.pem"
        front.certificate(authority, place.cluster.cp1.ip, since, until, pem)
        redirect = filtered(place, "nat", f"redirect to :{front.PORT}")
        with front.front(place.cluster.cp1, pem, ahead), redirect:
            yield place.cluster.words()

    return trouble


@contextmanager
def black_hole(place: Place) -> Iterator[list[str]]:
    with filtered(place, "filter", "drop"):
        yield place.cluster.words()


@contextmanager
def cable_out(place: Place) -> Iterator[list[str]]:
    place.node.link(up=False)
    try:
        yield place.cluster.words()
    finally:
        place.node.link(up=True)


@contextmanager
def no_route(place: Place) -> Iterator[list[str]]:
    route = place.node.exec(["ip", "route", "show", "default"]).out.split()
    place.node.exec(["ip", "route", "del", *route])
    try:
        yield place.cluster.words("--node-ip", place.node.ip, target="198.51.100.10:6443")
    finally:
        place.node.exec(["ip", "route", "add", *route])


@contextmanager
def other_name(place: Place) -> Iterator[list[str]]:
    with only_public(place):
        yield place.cluster.words(target=f"{NAME}:6443")


@contextmanager
def other_entry(place: Place) -> Iterator[list[str]]:
    hosts = place.node.read("/etc/hosts")
    place.node.write("/etc/hosts", hosts + b"192.0.2.7 kubernetes.default\n")
    try:
        with only_public(place):
            yield place.cluster.words(target=f"{place.public}:6443")
    finally:
        place.node.write("/etc/hosts", hosts)


TROUBLES: dict[str, Trouble] = {
    "token-expired": expired_token,
    "token-unknown": given(token="zzzzzz.0123456789abcdef"),
    "token-wrong": given(token="abcdef.0123456789abcdee"),
    "token-refused": given("--tls-bootstrap-token", "zzzzzz.0123456789abcdef", "--discovery-token", TOKEN),
    "wrong-ca-hash": given(pin="sha256:" + "0" * 64),
    "clock-behind": fronted(DAY - HOUR, 2 * DAY, DAY),
    "clock-behind-old-certificate": fronted(-DAY, DAY, 3 * HOUR),
    "clock-ahead": fronted(-3 * DAY, -HOUR, -2 * DAY),
    "certificate-not-yet": fronted(2 * DAY + HOUR, 3 * DAY),
    "certificate-expired": fronted(-DAY, -HOUR),
    "certificate-untrusted": fronted(-HOUR, DAY, foreign=True),
    "certificate-address": other_name,
    "hosts-conflict": other_entry,
    "address-unknown": given(target="nowhere.invalid:6443"),
    "connection-refused": given(target="{cp1}:6444"),
    "no-answer": black_hole,
    "no-route": no_route,
    "no-route-neighbour": given(target="{nobody}:6443"),
    "no-route-cable": cable_out,
    "name-taken": given("--node-name", "cp1"),
    "not-an-api-server-but-ssh": given(target="{cp1}:22"),
    "not-an-api-server-but-a-kubelet": given(target="{cp1}:10250"),
}


def compare(name: str, place: Place, words: list[str], update: bool) -> None:
    """The command line fails with the golden file's text, in both forms; prints its duration."""
    start = time.monotonic()
    text = place.node.exec(words, check=False)
    seconds = time.monotonic() - start
    data = place.node.exec([*words, "-o", "json"], check=False)
    sys.stdout.write(f"{name}: {seconds:.1f} s\n")
    assert text.out == ""
    error = json.loads(data.out)["error"]
    assert (error["exitCode"], bool(error["hint"])) == (data.code, True)
    assert data.code == text.code
    said = text.err[text.err.index("error: ") :] + "\n" + json.dumps(error, indent=2) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(place.neutral(said))
    assert place.neutral(said) == golden.read_text()


@pytest.mark.parametrize("name", TROUBLES)
def test_it_is_named_with_a_hint_and_changes_nothing(name: str, place: Place, update_golden: bool) -> None:
    with TROUBLES[name](place) as words:
        compare(name, place, words, update_golden)
    assert changed(place.bare, place.node) == []


@pytest.fixture(scope="module")
def outside(place: Place) -> Iterator[Place]:
    """From here on the host reaches the control plane only at its other address."""
    with only_public(place):
        yield place


def test_plan_and_dry_run_show_the_name_that_the_server_gets(outside: Place) -> None:
    target = f"{outside.public}:6443"
    rows = json.loads(outside.cluster.join("edge1", "--dry-run", "-o", "json", target=target).out)
    assert any(change.startswith("write /etc/hosts (") for change in rows["changes"])
    assert changed(outside.bare, outside.node) == []


def test_it_joins_by_an_address_that_the_certificate_lacks(outside: Place) -> None:
    target = f"{outside.public}:6443"
    ended = outside.cluster.join("edge1", target=target)
    assert ended.out.startswith(DONE)
    assert f"warning: the API server's certificate is not valid for {outside.public}" in ended.err
    assert outside.cluster.condition("edge1") == "True"
    assert f"\n{outside.public} kubernetes.default\n" in outside.node.read("/etc/hosts").decode()
    again = outside.cluster.join("edge1", target=target)
    assert "this node is in the cluster already: 0 changes" in again.err


def test_a_node_of_another_cluster_is_told_how_to_leave_it(outside: Place, update_golden: bool) -> None:
    journal = outside.node.root / "var/lib/edgeadm/journal.jsonl"
    before = journal.read_text()
    words = outside.cluster.words(pin="sha256:" + "0" * 64)
    compare("other-cluster", outside, words, update_golden)
    assert journal.read_text() == before


def test_after_a_boot_without_a_cable_the_pods_come_back_and_then_the_node(outside: Place) -> None:
    """lite-apiserver resolves the server by /etc/hosts, without DNS."""
    edge = outside.node
    edge.link(up=False)
    try:
        edge.power_off()
        edge.power_on(outside.cluster.sandbox.package_folder)
        edge.wait_ready()
        shims = ["pgrep", "-f", "containerd-shim-runc-v2"]
        until(lambda: edge.exec(shims, check=False).code == 0, "pods run from lite-apiserver's cache")
        until(lambda: outside.cluster.condition("edge1") == "Unknown", "the cluster misses the node")
    finally:
        edge.link(up=True)
    until(lambda: outside.cluster.condition("edge1") == "True", "the node is Ready again")


def test_reset_takes_out_the_name_and_leaves_what_others_wrote(outside: Place) -> None:
    edge = outside.node
    theirs = b"192.0.2.9 of.the.user\n"
    edge.write("/etc/hosts", edge.read("/etc/hosts") + theirs)
    edge.exec(["edgeadm", "reset", "-f"])
    hosts = edge.read("/etc/hosts")
    assert hosts.endswith(theirs)
    edge.write("/etc/hosts", hosts.removesuffix(theirs))
    assert changed(outside.bare, edge, OF_A_BOOT) == []
