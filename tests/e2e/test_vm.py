"""An edge node with its own kernel, clock and disk: a container that joined becomes a virtual machine.

It boots without a carrier, its power is cut with both cache modes of its disk, and one boot starts in 1970.
Finally its link is up again, it is reset, and compared with a virtual machine that never joined.

Only `make e2e-vm` runs it: emulated, it takes about 40 minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts import Result
from edgeadm.sandbox import Sandbox
from tests.e2e.machine import OWN, PATIENCE, PAUSE, Field, facts, say, timed
from tests.e2e.snapshot import OF_A_BOOT, difference
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e
PROGRAMS = "5"  # flannel, kube-proxy, the node's DNS, edge-health, and the web server
RECOVERED = "EXT4-fs (vda): recovery complete"
PROFILE = "cri-containerd.apparmor.d (enforce)"
# For each power cut: the disk's cache mode and the clock of the next boot, and whether it is during a boot.
CUTS = {
    "writeback, all runs": ("writeback", "now", False),
    "none, all runs": ("none", "now", False),
    "none, recovering": ("none", "now", True),
    "writeback, in 1970": ("writeback", "1970-01-01", False),
}


def never_joined(field: Field) -> dict[str, list[str]]:
    """The state of a virtual machine that never joined: edge3. It is off before and after."""
    field.vm(node="edge3")
    with timed("edge3 boots as a virtual machine"):
        field.sandbox.power("edge3", "on")
    found = facts(field.sandbox.node("edge3"))
    field.sandbox.power("edge3", "kill")
    return found


@pytest.fixture(scope="module")
def field(begin: Callable[..., Sandbox], edgeadm: Callable[..., Result]) -> Field:
    sandbox = begin(edges=3)
    for name in ("edge2", "edge3"):
        sandbox.node(name).power_off()
    found = Field(sandbox, run=edgeadm)
    found.deploy()
    return found


@pytest.fixture(scope="module")
def before(field: Field) -> dict[str, str]:
    """The state of edge1 as a container, before its link is down."""
    until(lambda: field.answers().get("programs") == PROGRAMS, "its Pods run")
    found = field.answers()
    assert found["restarts"] == "0"
    assert found["service"] == "answers"
    assert int(found["dns"]) == 1
    return found


@pytest.fixture(scope="module")
def moved(field: Field, before: dict[str, str]) -> Field:
    """edge1 as a virtual machine without a carrier."""
    assert before
    field.edge1.link(up=False)
    with timed("edge1 becomes a virtual machine and boots"):
        told = field.vm()
    assert (told["state"], told["link"], told["ready"], told["vm"] in ("kvm", "tcg")) == (
        *("running", "down", True),
        True,
    )
    return field


def test_it_runs_debians_kernel_and_its_card_has_neither_carrier_nor_address(moved: Field) -> None:
    release = moved.edge1.exec(["uname", "-r"]).out
    assert release.strip().endswith("-amd64")
    assert moved.begun() in (("0", []), ("none", []))
    assert moved.edge1.exec(["systemctl", "--failed", "--plain", "--no-legend"]).out == ""
    say(f"kernel {release.strip()}, {moved.edge1.exec(['systemd-analyze', 'time']).out.splitlines()[0]}")


def test_its_pods_services_and_names_are_back_without_a_network(moved: Field, before: dict[str, str]) -> None:
    with timed("as it was, after the boot"):
        moved.wait_same(before, "without a carrier")
    profiles = moved.edge1.exec(["cat", "/sys/kernel/security/apparmor/profiles"]).out.splitlines()
    assert PROFILE in profiles
    assert moved.denied() == []


def test_edgeadms_own_files_load_modules_and_set_parameters_at_boot(moved: Field) -> None:
    loaded = moved.edge1.exec(["lsmod"]).out
    assert all(f"{name} " in loaded for name in ("overlay", "br_netfilter", "nf_conntrack"))
    for name in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"):
        assert moved.edge1.exec(["sysctl", "-n", name]).out == "1\n"


@pytest.mark.parametrize("cut", CUTS)
def test_after_a_power_cut_it_is_as_it_was(cut: str, moved: Field, before: dict[str, str]) -> None:
    cache, clock, early = CUTS[cut]
    if early:
        moved.sandbox.power("edge1", "kill")
        moved.sandbox.power("edge1", "on")
    since = moved.edge1.exec(["date", "+%s"]).out
    moved.sandbox.power("edge1", "kill")
    told = moved.vm("--cache", cache, "--clock", clock)
    assert told["state"] == "off"
    with timed(f"{cut}: ready"):
        moved.sandbox.power("edge1", "on")
    with timed(f"{cut}: as it was"):
        moved.wait_same(before, f"after a power cut ({cut})")
    assert RECOVERED in moved.log("-k"), "the disk was in use"
    assert moved.begun() in (("0", []), ("none", []))
    assert moved.denied() == []
    assert moved.edge1.exec(["systemctl", "--failed", "--plain", "--no-legend"]).out == ""
    if clock != "now":
        said = moved.log("-u", "edgeadm-repair")
        assert "the clock said" in said
        # The time is noted every few minutes.
        assert int(moved.edge1.exec(["date", "+%s"]).out) > int(since) - 600


def test_check_autonomy_finds_nothing_that_fails(moved: Field) -> None:
    with timed("check autonomy"):
        found = moved.checks()
    say(f"check autonomy: {found}")
    assert not [code for code, text in found.items() if text.startswith("failed")]


def test_back_on_its_cable_after_a_clean_shutdown_the_cluster_has_it_again(
    moved: Field, before: dict[str, str]
) -> None:
    with timed("shutdown by the power button"):
        moved.sandbox.power("edge1", "off")
    moved.vm("--clock", "now")
    moved.edge1.link(up=True)
    since = json.loads(moved.kubectl("get", "node", "edge1", "-o", "json").out)
    assert since["metadata"]["name"] == "edge1"
    with timed("ready, on its cable"):
        moved.sandbox.power("edge1", "on")
    assert RECOVERED not in moved.log("-k")
    until(lambda: moved.ready() == "True", "edge1 is Ready in the cluster", PATIENCE, PAUSE)
    moved.wait_same(before, "on its cable")
    assert moved.begun() == ("1", [f"{moved.edge1.ip}/24"])


def test_reset_unloads_the_profile_and_leaves_what_a_machine_has_that_never_joined(moved: Field) -> None:
    with timed("reset"):
        told = json.loads(moved.edge1.exec(["edgeadm", "reset", "-f", "-o", "json"]).out)
    say(f"left behind: {[each['what'] for each in told['residue']]}")
    loaded = moved.edge1.exec(["cat", "/sys/kernel/security/apparmor/profiles"]).out
    assert PROFILE not in loaded
    moved.sandbox.power("edge1", "off")
    bare = never_joined(moved)
    assert bare["loaded modules"]
    moved.sandbox.power("edge1", "on")
    found = difference(bare, facts(moved.edge1))
    left = [line for line in found if not re.match(f"{OWN}|{OF_A_BOOT}", line)]
    assert not left, "\n".join(left)


def test_it_becomes_a_container_again_as_it_was_before(moved: Field, before: dict[str, str]) -> None:
    moved.vm("--back")
    assert moved.edge1.machine is None
    until(lambda: moved.ready() == "True", "edge1 is Ready in the cluster")
    until(lambda: moved.answers() == before, "its Pods run")


def test_nothing_of_a_machine_is_left_and_nothing_was_forwarded(moved: Field) -> None:
    moved.vm("--back", node="edge3")
    assert not Path("/run/edgeadm-sandbox").exists()
    assert moved.sandbox.forwarded_packets() == 0
