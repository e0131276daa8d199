"""What systemd says of units, as text."""

from __future__ import annotations

from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.units import UnitState, full_name, not_ready, unit_states

# From systemd 252.
SHOWN = """\
Id=edgeadm-repair.service
Before=kubelet.service containerd.service shutdown.target
After=local-fs.target basic.target
LoadState=loaded
ActiveState=active
SubState=exited
UnitFileState=enabled
NeedDaemonReload=no

Id=edgeadm-certificate.timer
Before=timers.target
After=sysinit.target
LoadState=loaded
ActiveState=active
SubState=waiting
UnitFileState=enabled-runtime
NeedDaemonReload=yes

Id=no-such.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
NeedDaemonReload=no
"""


def test_each_unit_is_known_by_the_name_that_was_asked_for() -> None:
    host = FakeHost(answers={"systemctl show": Result(out=SHOWN)})
    found = unit_states(host, "edgeadm-repair", "edgeadm-certificate.timer", "no-such")
    assert list(found) == ["edgeadm-repair", "edgeadm-certificate.timer", "no-such"]
    repair, timer, none = found.values()
    assert (repair.enabled, repair.active, repair.stale) == (True, True, False)
    assert {"kubelet.service", "containerd.service"} <= repair.before
    assert "local-fs.target" in repair.after
    assert (timer.enabled, timer.active, timer.stale) == (False, True, True)
    assert (none.load, none.enabled, none.active) == ("not-found", False, False)


def test_a_systemd_that_does_not_answer_knows_no_unit() -> None:
    host = FakeHost(answers={"systemctl show": Result(code=1, err="Failed to connect to bus")})
    assert unit_states(host, "kubelet") == {}


def test_a_name_without_a_kind_is_a_service() -> None:
    assert [full_name(each) for each in ("kubelet", "x.timer")] == ["kubelet.service", "x.timer"]


def test_the_first_unit_that_is_not_ready_is_named() -> None:
    host = FakeHost(answers={"systemctl show": Result(out=SHOWN)})
    timer = "edgeadm-certificate.timer"
    assert not_ready(host, "edgeadm-repair") == ""
    assert not_ready(host, "edgeadm-repair", timer, "no-such") == f"the unit {timer} is not enabled at boot"
    assert len(host.asked) == 2  # one call for all units
    resting = Result(out=SHOWN.replace("ActiveState=active", "ActiveState=inactive"))
    host.answers["systemctl show"] = resting
    assert not_ready(host, "edgeadm-repair") == "the unit edgeadm-repair is not running"
    assert not_ready(host, "edgeadm-repair", resting=("edgeadm-repair",)) == ""


def test_without_units_nothing_is_asked() -> None:
    host = FakeHost()
    assert (not_ready(host), host.asked) == ("", [])


def test_a_unit_between_two_starts_is_in_use() -> None:
    assert UnitState(active_state="activating").in_use
    assert not UnitState(active_state="failed").in_use
