"""The firewalls of a host, in one call to systemd."""

from __future__ import annotations

from edgeadm.checks.engine import WRONG, run_checks, with_result
from edgeadm.config import Config
from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.preflight.node import NODE_CHECKS
from edgeadm.preflight.subject import Subject

CHECK = tuple(each for each in NODE_CHECKS if each.code == "Firewall")
SHOWN = "Id=firewalld.service\nActiveState={}\n\nId=ufw.service\nActiveState={}\n"


def found(firewalld: str, ufw: str) -> list[str]:
    host = FakeHost(answers={"systemctl show": Result(out=SHOWN.format(firewalld, ufw))})
    findings = with_result(run_checks(CHECK, Subject(host, Config(), "v1.34.4")), *WRONG)
    assert len(host.asked) == 1
    return [each.text.split()[0] for each in findings]


def test_each_active_firewall_is_a_warning() -> None:
    assert found("inactive", "failed") == []
    assert found("inactive", "active") == ["ufw"]
    assert found("active", "active") == ["firewalld", "ufw"]
