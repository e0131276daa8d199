"""How a network card gets its address: what each network manager says of it."""

from __future__ import annotations

import pytest

from edgeadm.hosts import Result
from edgeadm.hosts.card import IFUPDOWN, INTERFACES, MANAGER, NETWORKD, Card, card_with, manager_of
from edgeadm.hosts.fake import FakeHost

NETWORK = "/etc/systemd/network/10-lan.network"
STATUS = """\
\u25cf 2: eth0
                     Link File: /usr/lib/systemd/network/99-default.link
                  Network File: {file}
                         State: {state}
                       Address: 10.0.0.21
"""
DEVICE = "nmcli -g GENERAL.STATE,GENERAL.CONNECTION device show eth0"


def host(**files: bytes) -> FakeHost:
    answers = {"networkctl": Result(code=127), "nmcli": Result(code=127)}
    return FakeHost(files=dict(files), answers=answers)  # type: ignore[arg-type]


def networkd(text: str, state: str = "routable (configured)") -> FakeHost:
    made = host(**{NETWORK: text.encode()})
    file = "n/a" if "unmanaged" in state else NETWORK
    made.answers["networkctl --no-pager status eth0"] = Result(out=STATUS.format(file=file, state=state))
    return made


@pytest.mark.parametrize(
    ("text", "method", "keeps"),
    [
        ("[Network]\nDHCP=yes\n", "dhcp", False),
        ("[Network]\n DHCP = ipv4\n", "dhcp", False),
        ("[Network]\nAddress=10.0.0.21/24\n", "static", False),
        ("[Network]\nAddress=10.0.0.21/24\nConfigureWithoutCarrier=yes\n", "static", True),
        ("[Network]\nDHCP=no\nAddress=10.0.0.21/24\n", "static", False),
    ],
)
def test_networkd_says_it_in_a_file(text: str, method: str, keeps: bool) -> None:
    assert manager_of(networkd(text), "eth0") == Card("eth0", method, NETWORKD, keeps)


@pytest.mark.parametrize(("told", "method"), [("auto", "dhcp"), ("manual", "static"), ("shared", "unknown")])
def test_network_manager_says_it_of_the_connection(told: str, method: str) -> None:
    made = networkd("", "off (unmanaged)")
    made.answers[DEVICE] = Result(out="100 (connected)\nWired connection 1\n")
    made.answers["nmcli -g ipv4.method connection show 'Wired connection 1'"] = Result(out=f"{told}\n")
    assert manager_of(made, "eth0") == Card("eth0", method, MANAGER)


@pytest.mark.parametrize(("word", "method", "keeps"), [("dhcp", "dhcp", False), ("static", "static", True)])
@pytest.mark.parametrize("path", [INTERFACES, f"{INTERFACES}.d/lan"])
def test_ifupdown_says_it_in_its_files(path: str, word: str, method: str, keeps: bool) -> None:
    made = host(**{path: f"auto eth0\niface eth0 inet {word}\niface eth1 inet other\n".encode()})
    made.answers[DEVICE] = Result(out="10 (unmanaged)\n")
    assert manager_of(made, "eth0") == Card("eth0", method, IFUPDOWN, keeps)


def test_a_client_that_runs_is_found() -> None:
    made = host(**{"/proc/7/cmdline": b"/sbin/dhclient\0-pf\0x\0eth0\0"})
    assert manager_of(made, "eth0") == Card("eth0", "dhcp", "dhclient")
    assert manager_of(made, "eth1") == Card("eth1", "unknown")


def test_the_card_is_the_one_with_the_address_else_that_of_the_default_route() -> None:
    made = host()
    made.answers["ip -o addr show"] = Result(out="2: lan    inet 10.0.0.21/24 scope global lan\n")
    made.answers["ip -o route get"] = Result(out="192.0.2.1 via 10.9.0.1 dev wan src 10.9.0.7\n")
    assert card_with(made, "10.0.0.21") == "lan"
    assert card_with(made, "10.0.0.22") == card_with(made, "") == "wan"


def test_it_is_told_in_words() -> None:
    assert str(Card("eth0", "dhcp", NETWORKD)) == "eth0 gets its address by DHCP (systemd-networkd)"
    assert str(Card("eth0", "unknown")) == "eth0 gets its address in an unknown way"
