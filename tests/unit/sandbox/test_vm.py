"""A node as a virtual machine: its record, qemu's command line, its disk, and errors."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.errors import UsageError
from edgeadm.sandbox import Node, Sandbox, Store, boot, machine, port, saved, second, transplant, vm
from edgeadm.sandbox.errors import VmError
from edgeadm.sandbox.machine import Wanted
from edgeadm.sandbox.names import wanted_nodes
from edgeadm.sandbox.state import SandboxRecord
from edgeadm.sandbox.vm import Machine

RECORD = SandboxRecord("demo", 2, "/image", "/layer").with_nodes(wanted_nodes(1, 0, 1))
EDGE1 = RECORD.node("edge1")
PLAIN = Machine("/kernel")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path)
    found.save(RECORD)
    return found


@pytest.fixture
def node(store: Store) -> Node:
    return Sandbox("demo", store).node("edge1")


def line(what: Machine, record: SandboxRecord = RECORD) -> str:
    return " ".join(vm.command(Path("/n"), record, record.node("edge1"), what))


def test_it_is_remembered_and_other_nodes_are_containers(store: Store, node: Node) -> None:
    assert node.machine is None
    wanted = Machine("/kernel", vm.KVM, "none", "1970-01-01T00:00:00", 1024, 1)
    vm.keep(node.folder, wanted)
    assert Sandbox("demo", store).node("edge1").machine == wanted
    assert Sandbox("demo", store).node("cp1").machine is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kernel": "/k", "more": 1}', "{}"])
def test_a_record_that_was_cut_short_is_none(node: Node, text: str) -> None:
    vm.keep(node.folder, PLAIN)
    (node.folder / "vm/machine.json").write_text(text)
    assert node.machine is None


def test_its_disk_and_its_kernel_are_files() -> None:
    words = line(PLAIN)
    assert "-kernel /kernel/vmlinuz -initrd /kernel/initrd" in words
    assert "file=/n/vm/disk.img,if=none,id=disk,format=raw,cache=writeback" in words
    assert "cache=none" in line(replace(PLAIN, cache="none"))


def test_a_full_disk_of_the_host_does_not_pause_it() -> None:
    assert "werror=report" in line(PLAIN)


def test_emulated_it_has_no_avx_and_another_clock_source() -> None:
    assert "-accel tcg,thread=multi,tb-size=512 -cpu max,la57=off,svm=off,avx=off,avx2=off" in line(PLAIN)
    assert "clocksource=tsc hpet=disable" in line(PLAIN)
    assert "-accel kvm -cpu host" in line(replace(PLAIN, accel=vm.KVM))
    assert "clocksource" not in line(replace(PLAIN, accel=vm.KVM))


def test_each_boot_begins_at_its_clock() -> None:
    assert "-rtc base=utc" in line(PLAIN)
    assert "-rtc base=1970-01-01T00:00:00" in line(replace(PLAIN, clock="1970-01-01T00:00:00"))


def test_it_waits_for_its_cable_to_be_pulled_before_the_first_instruction() -> None:
    assert " -S " in line(PLAIN)


def test_a_comma_in_a_path_ends_no_option() -> None:
    words = vm.command(Path("/a,b"), RECORD, EDGE1, PLAIN)
    assert any("file=/a,,b/vm/disk.img," in word for word in words)


def test_its_only_way_out_is_a_tap_in_the_switch_of_its_sandbox() -> None:
    words = line(PLAIN)
    assert words.startswith("nsenter --net=/run/netns/es-demo-switch qemu-system-x86_64 ")
    assert "-nodefaults -no-user-config" in words
    assert words.count("-netdev") == 1
    assert "tap,id=card0-tap,ifname=edge1,script=no,downscript=no" in words
    assert "mac=02:ed:0a:4d:02:65" in words
    plugged = [" ".join(argv) for argv in vm.plug(RECORD, EDGE1)]
    assert plugged == [
        "ip -n es-demo-switch tuntap add dev edge1 mode tap",
        "ip -n es-demo-switch link set edge1 master br0",
    ]


@pytest.mark.parametrize(("kind", "isolated"), [(second.CARD, "off"), (second.UPLINK, "on")])
def test_it_has_a_second_card_if_the_node_has_one(kind: str, isolated: str) -> None:
    record = RECORD.changed("edge1", second=kind)
    assert "ifname=edge1-eth1" in line(PLAIN, record)
    plugged = [" ".join(argv) for argv in vm.plug(record, record.node("edge1"))]
    assert plugged[-1].endswith(f"edge1-eth1 type bridge_slave isolated {isolated}")
    found = transplant.files(record, record.node("edge1"), "key")
    first, other = (found[f"etc/systemd/network/10-eth{number}.network"] for number in (0, 1))
    assert ("Gateway=10.77.2.1" in first, "Gateway=10.78.2.1" in other) == (
        kind == second.CARD,
        kind == second.UPLINK,
    )


def test_it_runs_in_the_cgroups_of_the_node_and_its_cable_stays_out(tmp_path: Path) -> None:
    runner = boot.write_machine_script(tmp_path, RECORD, EDGE1, PLAIN)
    text = runner.path.read_text()
    assert "/edgeadm-sandbox.demo.edge1/cgroup.procs" in text
    assert f"[ -e {tmp_path}/cable-down ] || ip -n es-demo-switch link set edge1 up" in text
    assert "systemd-nspawn" not in text
    plug = (tmp_path / "plug").read_text()
    assert "mkdir -p /run/edgeadm-sandbox/edgeadm-sandbox.demo.edge1" in plug


# The machine's own set-up.


def test_its_card_is_set_up_by_its_own_systemd_networkd() -> None:
    found = transplant.files(RECORD, EDGE1, "ssh-ed25519 AAAA\n")
    assert found["etc/systemd/network/10-eth0.network"] == (
        "[Match]\nMACAddress=02:ed:0a:4d:02:65\n\n[Network]\nAddress=10.77.2.101/24\nGateway=10.77.2.1\n"
    )
    dhcp = RECORD.changed("edge1", dhcp=True)
    assert not [path for path in transplant.files(dhcp, dhcp.node("edge1"), "key") if "network" in path]


def test_nothing_of_the_container_is_left_and_no_unit_is_masked(tmp_path: Path) -> None:
    for path in transplant.OF_A_CONTAINER:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    units = tmp_path / "etc/systemd/system"
    (units / "systemd-udevd.service").symlink_to("/dev/null")
    (tmp_path / "lib/systemd/system").mkdir(parents=True)
    for unit in transplant.ENABLED:
        (tmp_path / "lib/systemd/system" / unit).touch()
    transplant.adapt(tmp_path, RECORD, EDGE1, "ssh-ed25519 AAAA\n")
    assert not [path for path in transplant.OF_A_CONTAINER if (tmp_path / path).exists()]
    assert not [path for path in units.iterdir() if path.is_symlink()]
    wanted = {path.parent.name for path in units.glob("*.wants/*")}
    assert wanted == {"multi-user.target.wants", "network-online.target.wants", "sysinit.target.wants"}
    assert (tmp_path / "etc/fstab").read_text().startswith("/dev/vda / ext4")


@pytest.mark.runs_programs
def test_the_script_of_the_port_is_one(tmp_path: Path) -> None:
    (tmp_path / "port").write_text(transplant.PORT_SCRIPT)
    subprocess.run(["bash", "-n", str(tmp_path / "port")], check=True)


# Commands in it.


def test_a_command_keeps_its_words_on_the_way_through_a_shell() -> None:
    found = port.Port(Path("/s"), Path("/key")).command(["sh", "-c", "echo $1; exit 3", "a b"])
    assert found[-2:] == ["--", "sh -c 'echo $1; exit 3' 'a b'"]
    assert found[:6] == ["ssh", "-F", "none", "-S", "/s/ssh", "-l"]
    assert "-T" in found


def test_the_connection_accepts_nothing_but_the_key_and_asks_nobody() -> None:
    words = " ".join(port.Port(Path("/s"), Path("/key")).connect_words(20))
    assert "-M -N -i /key" in words
    assert "BatchMode=yes" in words
    assert "UNIX-CONNECT:/s/port" in words
    assert "ConnectTimeout=20" in words


def test_without_a_machine_there_is_no_port(tmp_path: Path) -> None:
    assert not port.Port(tmp_path / "none", Path("/key")).open(0.1)


# What a user may ask for.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("now", ""),
        ("1970-01-01", "1970-01-01T00:00:00"),
        ("2038-01-19T03:14:00", "2038-01-19T03:14:00"),
        ("2038-01-19T03:14:00+02:00", "2038-01-19T01:14:00"),
    ],
)
def test_a_clock_is_a_date(text: str, found: str) -> None:
    assert machine.settings(Wanted(clock=text)) == {"clock": found}


def test_a_clock_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="`yesterday` is not a date"):
        machine.settings(Wanted(clock="yesterday"))


def test_only_what_is_asked_for_changes(store: Store, node: Node) -> None:
    vm.keep(node.folder, Machine("/kernel", vm.KVM, "none", "1970-01-01T00:00:00", 1024, 1))
    found = machine.become(Sandbox("demo", store), "edge1", Wanted(cache="writeback"))
    assert found == Machine("/kernel", vm.KVM, "writeback", "1970-01-01T00:00:00", 1024, 1)
    assert node.machine == found


def test_its_kernel_and_its_cards_stay(store: Store, node: Node) -> None:
    vm.keep(node.folder, PLAIN)
    sandbox = Sandbox("demo", store)
    with pytest.raises(VmError, match="the kernel of `edge1` is fixed"):
        machine.become(sandbox, "edge1", Wanted(kernel="generic"))
    with pytest.raises(VmError, match="its network interfaces are fixed"):
        sandbox.second_card("edge1", second.CARD)
    assert sandbox.record == RECORD


def test_it_cannot_be_saved(store: Store, node: Node) -> None:
    vm.keep(node.folder, PLAIN)
    with pytest.raises(VmError, match="virtual machines cannot be saved: edge1"):
        saved.save(Sandbox("demo", store), "joined")
    assert saved.every(store) == []


def test_back_is_for_machines_alone(store: Store, node: Node) -> None:
    sandbox = Sandbox("demo", store)
    with pytest.raises(VmError, match="`cp1` of sandbox `demo` is not a virtual machine"):
        machine.back(sandbox, "cp1")
    vm.keep(node.folder, PLAIN)
    vm.disk(node.folder).touch()
    machine.back(sandbox, "edge1")
    assert node.machine is None
    assert not (node.folder / "vm").exists()


def test_the_record_is_json_that_others_can_read(node: Node) -> None:
    vm.keep(node.folder, PLAIN)
    assert json.loads((node.folder / "vm/machine.json").read_text())["accel"] == "tcg"
