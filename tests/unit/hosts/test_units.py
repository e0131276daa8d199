"""What systemd says of units, as text."""

from __future__ import annotations

from edgeadm.hosts import Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.units import full_name, unit_states

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
