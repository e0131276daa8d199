"""Command output and file texts → facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts import Result, facts
from edgeadm.hosts.fake import FakeHost

CASES = Path(__file__).parents[2] / "cases" / "containerd"


def test_ports_in_state_listen_are_found_in_both_tables() -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    host = FakeHost(
        files={
            "/proc/net/tcp": (
                head + "   0: 0100007F:192B 00000000:0000 0A 0\n   1: 0100007F:1F90 0:0 01 0\n"
            ).encode(),
            "/proc/net/tcp6": (head + "   0: 00000000000000000000000000000000:280A 0:0 0A 0\n").encode(),
        }
    )
    assert facts.listening_ports(host) == {6443, 10250}


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")]
)
def test_architecture_in_kubernetes_words(machine: str, arch: str) -> None:
    assert facts.architecture(FakeHost(answers={"uname -m": Result(out=machine + "\n")})) == arch


def test_swap_devices() -> None:
    text = b"Filename\t\tType\t\tSize\n/dev/sda2 partition 8388604\n/swap.img file 2097148\n"
    assert facts.swaps(FakeHost(files={"/proc/swaps": text})) == ["/dev/sda2", "/swap.img"]


def test_the_default_address() -> None:
    answer = "192.0.2.1 via 10.0.0.1 dev eth0 src 10.0.0.11 uid 0\n    cache\n"
    assert facts.default_address(FakeHost(answers={"ip": Result(out=answer)})) == "10.0.0.11"
    assert facts.default_address(FakeHost(answers={"ip": Result(code=2)})) == ""


def test_addresses_of_each_link() -> None:
    text = (
        "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 10.0.0.11/24 scope global eth0\n"
        "2: eth0    inet6 fe80::1/64 scope link\n"
    )
    found = facts.addresses(FakeHost(answers={"ip -o addr show": Result(out=text)}))
    assert found == {"lo": ["127.0.0.1/8"], "eth0": ["10.0.0.11/24", "fe80::1/64"]}


def test_free_space_is_asked_of_the_nearest_folder_that_exists() -> None:
    answer = Result(out="Filesystem 1024-blocks Used Available Capacity\n/dev/vda 100 50 2097152 50% /var\n")
    host = FakeHost(files={"/var/x": b""}, answers={"df -Pk /var": answer})
    assert facts.free_mib(host, "/var/lib/containerd") == 2048


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("v2-debian", facts.Runtime("1.6.20", True, False, "registry.k8s.io/pause:3.6")),
        ("v2-docker", facts.Runtime("1.7.24", False, False, "")),
        ("v3-ours", facts.Runtime("2.1.5", True, True, "registry.k8s.io/pause:3.10.1")),
    ],
)
def test_what_a_containerd_says_of_its_cri(case: str, wanted: facts.Runtime) -> None:
    dump = (CASES / f"{case}.toml").read_text()
    assert facts.parse_runtime(wanted.version, dump) == wanted


@pytest.mark.parametrize(
    ("capabilities", "in_container", "can"),
    [
        ("000001ffffffffff", False, True),
        ("00000000fdecafff", False, True),
        ("00000000a80425fb", False, False),
        ("000001ffffffffff", True, False),
    ],
)
def test_protection_from_the_oom_killer(capabilities: str, in_container: bool, can: bool) -> None:
    host = FakeHost(
        files={"/proc/1/status": f"CapEff:\t{capabilities}\n".encode()},
        answers={"systemd-detect-virt --container": Result(code=0 if in_container else 1)},
    )
    assert facts.can_lower_oom_score(host) is can
