"""A sandbox, end to end:

- a bare node: nothing of Kubernetes, no Python; edgeadm and the package are there
- names, commands with their streams and status, files in and out
- the cable, NAT, the power switch; what stays over them
- packets: nothing leaves, two sandboxes do not meet
- adding nodes; the lock
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Node, Sandbox, Store, cgroups, switch
from edgeadm.sandbox.recipe import NEVER
from tests.e2e.conftest import MakeSandbox

Edgeadm = Callable[..., Result]
OUTSIDE = "198.51.100.7"  # of an unassigned range


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("package") / "some-package.tar.zst"
    file.write_bytes(b"not looked into")
    return file


@pytest.fixture(scope="module")
def sandbox(make_sandbox: MakeSandbox, package: Path) -> Sandbox:
    return make_sandbox(control_planes=1, edges=1, package=package)


@pytest.fixture
def cp1(sandbox: Sandbox) -> Node:
    return sandbox.node("cp1")


@pytest.fixture
def edge1(sandbox: Sandbox) -> Node:
    return sandbox.node("edge1")


def dials(node: Node, address: str, port: int = 22) -> bool:
    """Whether a TCP connection can be opened, within two seconds."""
    argv = ["timeout", "2", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    return node.exec(argv, check=False).code == 0


def boot_id(node: Node) -> str:
    return node.exec(["cat", "/proc/sys/kernel/random/boot_id"], check=False).out


def waits_for_cgroups(node: Node) -> bool:
    """Whether the script of the node sleeps, because a cgroup of its last boot cannot be removed yet."""
    argv = ["pgrep", "--parent", str(node.runner.pid()), "--exact", "sleep"]
    return subprocess.run(argv, stdout=subprocess.DEVNULL, check=False).returncode == 0


def until(happened: Callable[[], bool], patience: float = 120) -> None:
    """Wait for it; seconds."""
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


def test_a_node_is_bare(cp1: Node) -> None:
    for program in NEVER:
        assert cp1.exec(["sh", "-c", f"command -v {program}"], check=False).code == 127, program
    for program in ("systemctl", "sshd", "iptables", "nft", "conntrack", "ethtool", "socat"):
        cp1.exec(["sh", "-c", f"command -v {program}"])
    assert cp1.exec(["systemctl", "--failed", "--plain", "--no-legend"]).out == ""


def test_edgeadm_and_the_package_are_there(cp1: Node, edge1: Node) -> None:
    for node in (cp1, edge1):
        assert node.exec(["edgeadm", "version"]).out.startswith("edgeadm ")
        assert node.read("/mnt/package/some-package.tar.zst") == b"not looked into"
        assert node.exec(["touch", "/mnt/package/x"], check=False).code != 0


def test_a_node_is_as_good_as_a_machine(cp1: Node) -> None:
    script = """
        set -e
        mkdir /sys/fs/cgroup/pids/kubepods /sys/fs/cgroup/memory/kubepods
        rmdir /sys/fs/cgroup/pids/kubepods /sys/fs/cgroup/memory/kubepods
        test "$(sysctl -n net.ipv4.ip_forward)" = 0
        systemctl is-active --quiet systemd-modules-load systemd-sysctl systemd-journal-flush
        for d in containerd kubelet; do
            cd /var/lib/$d; mkdir -p t/u t/w t/m
            mount -t overlay o -o lowerdir=/etc,upperdir=t/u,workdir=t/w t/m
            umount t/m
            rm -r t
        done
        findmnt -no PROPAGATION / | grep -q shared
        test -c /dev/kmsg
        iptables -t nat -L >/dev/null
    """
    if cgroups.is_version_2(cgroups.this_machine()):
        script = script.replace("/sys/fs/cgroup/pids/", "/sys/fs/cgroup/a").replace("/memory/", "/b")
    cp1.exec(["bash", "-c", script])


def test_names_resolve_and_nothing_else_does_at_once(cp1: Node, edge1: Node) -> None:
    assert cp1.exec(["getent", "hosts", "edge1"]).out.split() == [edge1.ip, "edge1"]
    assert edge1.exec(["hostname"]).out == "edge1\n"
    until(lambda: dials(edge1, "cp1"))
    assert cp1.exec(["getent", "hosts", "registry.invalid"], check=False).code == 2


def test_exec_passes_streams_and_status(edgeadm: Edgeadm, sandbox: Sandbox) -> None:
    words = ("sandbox", "exec", "cp1", "--name", sandbox.name, "--")
    done = edgeadm(*words, "sh", "-c", "cat; echo talk >&2; exit 7", stdin=b"in\n")
    assert (done.code, done.out, done.err) == (7, "in\n", "talk\n")
    assert edgeadm(*words, "no-such-program").code == 127
    assert edgeadm(*words, "env").out.count("EDGEADM") == 0


def test_exec_stays_in_the_node(cp1: Node) -> None:
    own = cp1.exec(["cat", "/proc/self/cgroup"]).out
    assert "/.." not in own
    assert sorted(cp1.exec(["ls", "/sys/class/net"]).out.split()) == ["eth0", "lo"]


def test_files_go_in_and_out(cp1: Node, edgeadm: Edgeadm, sandbox: Sandbox, tmp_path: Path) -> None:
    big = os.urandom(1 << 20) * 40
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/big").write_bytes(big)
    (tmp_path / "small").write_bytes(b"small\n")
    (tmp_path / "small").chmod(0o750)

    def cp(source: str, target: str) -> None:
        edgeadm("sandbox", "cp", source, target, "--name", sandbox.name).checked()

    cp(str(tmp_path / "small"), "cp1:/opt")
    assert cp1.exec(["stat", "-c", "%a %U", "/opt/small"]).out == "750 root\n"
    cp(str(tmp_path / "tree"), "cp1:/opt/copy")
    cp("cp1:/opt/copy/deep/big", str(tmp_path))
    assert (tmp_path / "big").read_bytes() == big
    cp1.write("/var/lib/kubelet/new/file", "text", mode=0o600)
    assert cp1.read("/var/lib/kubelet/new/file") == b"text"
    assert (cp1.root / "opt/small").read_bytes() == b"small\n"


def test_a_pulled_cable(sandbox: Sandbox, cp1: Node, edge1: Node, edgeadm: Edgeadm) -> None:
    edgeadm("sandbox", "link", "edge1", "down", "--name", sandbox.name).checked()
    try:
        assert not dials(cp1, "edge1")
        assert not dials(edge1, "cp1")
        assert edge1.exec(["cat", "/sys/class/net/eth0/carrier"]).out == "0\n"
        sandbox.power("edge1", "kill")
        sandbox.power("edge1", "on")
        assert not dials(cp1, "edge1")
        row = next(node for node in sandbox.ls() if node.name == "edge1")
        assert (row.state, row.link, row.ready) == ("running", "down", True)
    finally:
        edge1.link(up=True)
    until(lambda: dials(cp1, "edge1"))


def test_a_card_without_an_address(sandbox: Sandbox, cp1: Node, edge1: Node, edgeadm: Edgeadm) -> None:
    def network() -> tuple[str, str]:
        shown = edge1.exec(["ip", "-o", "addr", "show", "dev", "eth0", "scope", "global"]).out
        return shown, edge1.exec(["ip", "route"]).out

    before = network()
    assert edge1.ip in before[0]
    assert "default" in before[1]
    edgeadm("sandbox", "link", "edge1", "down", "--no-address", "--name", sandbox.name).checked()
    try:
        for boot in (None, "kill", "off"):
            if boot:
                sandbox.power("edge1", boot)
                sandbox.power("edge1", "on")
            assert network() == ("", "")
            assert edge1.exec(["cat", "/sys/class/net/eth0/carrier"]).out == "0\n"
        row = next(node for node in sandbox.ls() if node.name == "edge1")
        assert (row.link, row.ready) == ("down, no address", True)
        edgeadm("sandbox", "link", "edge1", "down", "--name", sandbox.name).checked()
        assert edge1.ip in network()[0], "a cable that is only pulled leaves the address"
        edgeadm("sandbox", "link", "edge1", "down", "--no-address", "--name", sandbox.name).checked()
        assert network() == ("", "")
    finally:
        edgeadm("sandbox", "link", "edge1", "up", "--name", sandbox.name).checked()
    assert [each.split() for each in network()[1].splitlines()] == [
        each.split() for each in before[1].splitlines()
    ]
    until(lambda: dials(cp1, "edge1") and dials(edge1, "cp1"))


def lost(node: Node, target: str) -> int:
    """The number of lost packets of 100 to the target."""
    said = node.exec(["ping", "-q", "-i", "0.01", "-W", "1", "-c", "100", target], check=False).out
    return int(re.search(r"(\d+)(?:\.\d+)?% packet loss", said)[1])  # type: ignore[index]


def test_a_bad_line(sandbox: Sandbox, cp1: Node, edge1: Node, edgeadm: Edgeadm) -> None:
    def bad(*words: str) -> Result:
        return edgeadm("sandbox", "link", "edge1", *words, "--name", sandbox.name)

    def line() -> str:
        return next(node.line for node in sandbox.ls() if node.name == "edge1")

    assert (line(), lost(edge1, "cp1")) == ("good", 0)
    try:
        bad("--loss", "30%", "--rate", "1mbit").checked()
        assert line() == "loss 30% rate 1000kbit"
        sandbox.power("edge1", "cycle")
        assert line() == "loss 30% rate 1000kbit"
        for node, target in ((edge1, "cp1"), (cp1, "edge1")):
            assert 20 < lost(node, target) < 90, "it is lost on the way there, or on the way back"
        switch_side = ["tc", "-n", f"es-{sandbox.name}-switch", "qdisc", "show", "dev"]
        for link in ("edge1", "edge1-in"):
            assert "rate 1Mbit" in execute([*switch_side, link]).checked().out
        delayed = bad("--delay", "300ms")
        has_netem = execute(["tc", "qdisc", "add", "dev", "lo", "root", "netem"]).code == 0
        if has_netem:
            execute(["tc", "qdisc", "del", "dev", "lo", "root"]).checked()
            assert line() == "delay 300ms"
            took = edge1.exec(["ping", "-q", "-c", "2", "cp1"]).out
            assert 600 <= float(took.rpartition("= ")[2].split("/")[0]) < 3000
        else:
            assert (delayed.code, "[sandbox-kernel]" in delayed.err) == (1, True)
            assert line() == "loss 30% rate 1000kbit"
    finally:
        bad("up").checked()
    assert (line(), lost(edge1, "cp1"), lost(cp1, "edge1")) == ("good", 0, 0)


def test_nat(sandbox: Sandbox, cp1: Node, edge1: Node, edgeadm: Edgeadm) -> None:
    reply = "exec 3<>/dev/tcp/cp1/22; read -t 3 -r line <&3; echo $line"
    talk = (
        "exec 3<>/dev/tcp/edge1/7000; while echo hi >&3 && read -t 2 -r x <&3; do echo $x >/root/said; done"
    )
    edge1.exec(["systemd-run", "--quiet", "--unit=echo", "socat", "TCP-LISTEN:7000,fork", "EXEC:cat"])
    until(lambda: dials(cp1, "edge1", 7000))
    cp1.exec(["systemd-run", "--quiet", "--unit=talk", "bash", "-c", talk])
    until(lambda: cp1.exec(["cat", "/root/said"], check=False).out == "hi\n")
    edgeadm("sandbox", "nat", "edge1", "on", "--name", sandbox.name).checked()
    try:
        assert not dials(cp1, "edge1")
        assert edge1.exec(["bash", "-c", reply]).out.startswith("SSH-")
        # An existing connection must be closed: otherwise the API server would keep using it.
        until(lambda: cp1.exec(["systemctl", "is-active", "talk"], check=False).out != "active\n")
        edge1.exec(["sh", "-c", "iptables -F; nft flush ruleset"])
        sandbox.power("edge1", "cycle")
        assert not dials(cp1, "edge1")
    finally:
        edge1.nat(on=False)
    until(lambda: dials(cp1, "edge1"))


def test_power(sandbox: Sandbox, edge1: Node) -> None:
    edge1.write("/root/kept", "on disk")
    edge1.write("/run/lost", "in memory")
    edge1.exec(["sh", "-c", "ip link add cni0 type bridge; iptables -N LOST; sync"])
    boots = {boot_id(edge1)}
    keys = edge1.read("/etc/ssh/ssh_host_ed25519_key.pub")
    for how in ("off", "kill"):
        sandbox.power("edge1", how)
        assert next(node for node in sandbox.ls() if node.name == "edge1").state == "off"
        sandbox.power("edge1", "on")
        boots.add(boot_id(edge1))
        assert edge1.read("/root/kept") == b"on disk"
        assert edge1.exec(["ls", "/run/lost"], check=False).code != 0
        assert "cni0" not in edge1.exec(["ip", "link"]).out
        assert "LOST" not in edge1.exec(["iptables", "-S"]).out
    assert len(boots) == 3
    assert edge1.read("/etc/ssh/ssh_host_ed25519_key.pub") == keys


def test_a_reboot_from_inside_is_a_new_boot(edge1: Node) -> None:
    before = boot_id(edge1)
    edge1.exec(["sh", "-c", "ip link add cni0 type bridge; mkdir -p /sys/fs/cgroup/*/kubepods"])
    edge1.exec(["systemctl", "reboot"], check=False)
    until(lambda: edge1.is_ready() and boot_id(edge1) not in ("", before))
    assert "cni0" not in edge1.exec(["ip", "link"]).out
    assert edge1.exec(["sh", "-c", "ls -d /sys/fs/cgroup/*/kubepods"], check=False).out == ""


def test_a_node_boots_again_if_a_command_of_this_host_ends_after_it(edge1: Node) -> None:
    before, log = boot_id(edge1), edge1.folder / "console.log"
    ended = log.read_text().count("ended with status")
    procs = [str(place / "cgroup.procs") for place in edge1._payload()]
    enter = 'for file; do echo $$ >"$file"; done; echo in; exec sleep 300'
    with subprocess.Popen(["sh", "-c", enter, "sh", *procs], stdout=subprocess.PIPE) as late:
        assert late.stdout is not None
        assert late.stdout.readline() == b"in\n"
        edge1.exec(["systemctl", "reboot"], check=False)
        until(lambda: log.read_text().count("ended with status") > ended)
        until(lambda: waits_for_cgroups(edge1))
        late.kill()
    until(lambda: edge1.is_ready() and boot_id(edge1) not in ("", before))


def test_a_command_in_a_node_that_is_off(sandbox: Sandbox, edgeadm: Edgeadm) -> None:
    sandbox.power("edge1", "off")
    try:
        done = edgeadm("sandbox", "exec", "edge1", "--name", sandbox.name, "--", "true")
        assert done.code == 1
        assert "[node-off]" in done.err
    finally:
        sandbox.power("edge1", "on")


def test_no_packet_leaves(sandbox: Sandbox, cp1: Node) -> None:
    before = sandbox.refused_packets()
    assert not dials(cp1, OUTSIDE, 80)
    assert sandbox.refused_packets() > before
    # Neither by way of the machine around the sandbox, which is a neighbour on the switch.
    machine = cp1.ip.rsplit(".", 1)[0] + ".254"
    cp1.exec(["ip", "route", "add", f"{OUTSIDE}/32", "via", machine])
    assert not dials(cp1, OUTSIDE, 80)
    cp1.exec(["ip", "route", "del", f"{OUTSIDE}/32"])
    assert not dials(cp1, machine)
    assert sandbox.forwarded_packets() == 0


def test_the_rule_on_this_machine_holds_without_the_switch(sandbox: Sandbox, cp1: Node) -> None:
    netns = ["ip", "netns", "exec", f"es-{sandbox.name}-switch", "nft"]
    machine = cp1.ip.rsplit(".", 1)[0] + ".254"
    execute([*netns, "insert", "rule", "bridge", "switch", "forward", "accept"]).checked()
    execute([*netns, "flush", "chain", "bridge", "switch", "forward"]).checked()
    cp1.exec(["ip", "route", "add", f"{OUTSIDE}/32", "via", machine])
    try:
        assert not dials(cp1, OUTSIDE, 80)
        assert sandbox.forwarded_packets() == 0
    finally:
        cp1.exec(["ip", "route", "del", f"{OUTSIDE}/32"])


def test_more_nodes_and_a_second_sandbox(
    sandbox: Sandbox, make_sandbox: MakeSandbox, executable: Path, edgeadm: Edgeadm
) -> None:
    leader = boot_id(sandbox.node("cp1"))
    sandbox.up(workers=1, executable=executable)
    assert boot_id(sandbox.node("cp1")) == leader
    until(lambda: dials(sandbox.node("cp1"), "worker1"))
    listed = json.loads(edgeadm("sandbox", "ls", "--name", sandbox.name, "-o", "json").checked().out)
    assert [(node["name"], node["role"], node["ready"]) for node in listed] == [
        ("cp1", "control-plane", True),
        ("worker1", "worker", True),
        ("edge1", "edge", True),
    ]
    other = make_sandbox(control_planes=1)
    assert other.node("cp1").ip != sandbox.node("cp1").ip
    assert not dials(other.node("cp1"), sandbox.node("cp1").ip)
    assert not dials(sandbox.node("cp1"), other.node("cp1").ip)
    assert other.node("cp1").exec(["getent", "hosts", "edge1"], check=False).code == 2


def test_a_node_gives_room_back(cp1: Node) -> None:
    def used() -> int:
        return (cp1.folder / "disk.img").stat().st_blocks * 512

    before = used()
    cp1.exec(["sh", "-c", "dd if=/dev/urandom of=/var/lib/containerd/big bs=1M count=64 status=none; sync"])
    execute(["sync", "-f", str(cp1.folder / "disk")]).checked()
    assert used() > before + (60 << 20)
    cp1.exec(["sh", "-c", "rm /var/lib/containerd/big; sync"])
    execute(["fstrim", str(cp1.folder / "disk")]).checked()
    assert used() < before + (10 << 20)


def test_two_at_once(sandbox: Sandbox, store: Store, edgeadm: Edgeadm) -> None:
    with store.lock(sandbox.name, "up"):
        done = edgeadm("sandbox", "down", "--name", sandbox.name)
    assert done.code == 8
    assert "[locked]" in done.err
    assert f"pid {os.getpid()}" in done.err
    assert sandbox.node("cp1").is_ready()


def test_a_lost_switch_is_made_again(sandbox: Sandbox, executable: Path) -> None:
    switch.remove_switch(sandbox.name)
    sandbox.up(executable=executable)
    until(lambda: dials(sandbox.node("cp1"), "edge1"))
