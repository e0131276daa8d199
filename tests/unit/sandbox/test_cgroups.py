"""Which cgroups a node's processes go into: version 1, its hybrid, version 2; what is left behind."""

from __future__ import annotations

from pathlib import Path

from edgeadm.sandbox import cgroups

HYBRID = """\
30 24 0:26 / /sys/fs/cgroup rw shared:4 - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/systemd rw shared:7 - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw shared:8 - cgroup2 cgroup2 rw
"""
OWN_HYBRID = "4:cpu,cpuacct:/\n3:memory:/user.slice/x\n1:name=systemd:/user.slice/x\n0::/user.slice/x\n"
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_version_1_goes_below_our_own_place() -> None:
    found = cgroups.hierarchies(HYBRID, OWN_HYBRID)
    assert not cgroups.is_version_2(found)
    assert cgroups.places("n", found) == [
        Path("/sys/fs/cgroup/cpu,cpuacct/n"),
        Path("/sys/fs/cgroup/memory/user.slice/x/n"),
        Path("/sys/fs/cgroup/systemd/user.slice/x/n"),
        Path("/sys/fs/cgroup/unified/n"),
    ]


def test_version_1_in_a_container() -> None:
    mounted = "31 30 0:27 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    found = cgroups.hierarchies(mounted, "4:pids:/docker/abc/init\n")
    assert cgroups.places("n", found) == [Path("/sys/fs/cgroup/pids/init/n")]


def test_version_2_goes_below_the_root() -> None:
    found = cgroups.hierarchies(V2, "0::/user.slice/user-0.slice/session-1.scope\n")
    assert cgroups.is_version_2(found)
    assert cgroups.places("n", found) == [Path("/sys/fs/cgroup/n")]


def test_version_2_shares_out_what_kubelet_wants(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu memory pids rdma")
    (tmp_path / "cgroup.subtree_control").write_text("")
    cgroups.enable_controllers([cgroups.Hierarchy(tmp_path, tmp_path)])
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+pids"


def test_what_is_left_behind_is_found_wherever_it_was_made(tmp_path: Path) -> None:
    for folder in (
        "a/b/edgeadm-sandbox.demo.cp1/kubepods",
        "edgeadm-sandbox.demo-2.cp1",
        "edgeadm-sandbox.demo.cp2",
    ):
        (tmp_path / folder).mkdir(parents=True)
    found = cgroups.left_behind(
        lambda name: name.startswith("edgeadm-sandbox.demo."), [cgroups.Hierarchy(tmp_path, tmp_path)]
    )
    assert sorted(found) == [tmp_path / "a/b/edgeadm-sandbox.demo.cp1", tmp_path / "edgeadm-sandbox.demo.cp2"]
    cgroups.remove(found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "edgeadm-sandbox.demo-2.cp1"]


def test_the_processes_of_a_node(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "cgroup.procs").write_text("12\n0\n")
    (tmp_path / "below/cgroup.procs").write_text("13\n14\n")
    assert cgroups.processes([tmp_path, tmp_path / "gone"]) == {12, 13, 14}
