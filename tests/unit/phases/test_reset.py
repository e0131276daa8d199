"""`edgeadm reset` leaves a machine as it was before edgeadm, whatever happened to it in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.config import Config, KubeadmFlags
from edgeadm.config.model import ResetOptions
from edgeadm.core.journal import PATH, Journal
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.errors import CommandError, PhaseError
from edgeadm.hosts import Result
from edgeadm.node import leftovers, ownership
from edgeadm.node.cni_files import CONFLIST, EVERY_CONFLIST
from edgeadm.node.units import KEEP_FILE, REPAIR_FILE
from edgeadm.render import Renderer
from edgeadm.workflows import INIT, INVENTORY, JOIN, RESET
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import pods_write
from tests.unit.phases.test_killed import PARTS, KilledError, context, records_of_a_full_run
from tests.wishes import asked, machine_for

CONFIG = Config(kubeadm=KubeadmFlags(pod_network_cidr="192.168.0.0/16"))
USERS = {
    "/etc/containerd/config.toml": b"# the user's\nversion = 3\n",
    "/opt/cni/bin/mine": b"#!plugin\n",
    "/etc/cni/net.d/99-mine.conf": b"{}",
    "/var/log/pods/mine": b"kept",
}
# What an edge node's programs write where nobody else does, and its links.
OF_THE_EDGE = (
    "/data/lite-apiserver/cache/kubelet_v1.34.4__pods___list",
    "/data/lite-apiserver/snapshot/kubelet_v1.34.4__pods___list",
    "/var/lib/flannel/kept",
    "/var/lib/cni/edge-ipam/0123abcd",
    "/run/cni/networks/cbr0/192.168.1.2",
    "/run/cni/flannel/0123abcd",
    "/sys/class/net/tkeedgedns/x",
    "/sys/class/net/flannel.1/x",
    "/sys/class/net/cni0/x",
)


def init(machine: Machine) -> None:
    Run(INIT, machine.context(CONFIG), Recorded()).apply(INIT.select())


def plain(machine: Machine, config: Config = CONFIG) -> Context:
    """The context of a reset: nothing that it does goes into the journal."""
    return replace(machine.context(config), host=machine.host)


def reset(machine: Machine, *skip: str) -> int:
    return Run(RESET, plain(machine), Recorded()).apply(RESET.select(skip=skip))


def test_it_leaves_the_files_rules_units_and_kernel_as_before(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    before = dict(machine.host.files)
    init(machine)
    assert machine.host.files.keys() > pods_write().keys()
    reset(machine)
    assert machine.host.files == before
    assert "KUBE-" not in machine.rules
    assert all(not state for state in machine.units.values())
    assert reset(machine) == 0


def test_what_the_user_had_stays_and_comes_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for path, data in USERS.items():
        machine.host.write(path, data, 0o640)
    before = dict(machine.host.files)
    init(machine)
    assert machine.host.files["/etc/containerd/config.toml"] != USERS["/etc/containerd/config.toml"]
    reset(machine)
    left = {path for path in machine.host.files if path not in before}
    assert left == {"/var/log/pods/x/0.log"}, "a folder that held something before is not emptied"
    assert {path: machine.host.files[path] for path in before} == before
    assert machine.host.modes["/etc/containerd/config.toml"] == 0o640


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
def test_killed_at_every_record_of_init_it_takes_back_what_there_is(part: int, tmp_path: Path) -> None:
    for number in range(1 + part, records_of_a_full_run(INIT, tmp_path / "whole") + 1, PARTS):
        machine = Machine(tmp_path / str(number))
        before = dict(machine.host.files)
        with pytest.raises(KilledError):
            Run(INIT, context(machine, number), Recorded()).apply(INIT.select())
        reset(machine)
        assert machine.host.files == before, f"killed after record {number}"
        assert reset(machine) == 0


@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"{part + 1} of {PARTS}")
def test_killed_itself_at_any_command_it_goes_on(part: int, tmp_path: Path) -> None:
    number, done = 1 + part - PARTS, False
    while not done:
        number += PARTS
        machine = Machine(tmp_path / str(number))
        before = dict(machine.host.files)
        init(machine)
        ctx = plain(machine)
        object.__setattr__(ctx, "host", Dying(machine.host, number))
        try:
            Run(RESET, ctx, Recorded()).apply(RESET.select())
            done = True
        except KilledError:
            reset(machine)
        assert machine.host.files == before, f"killed before command {number}"
    assert number > 20


def test_without_the_journal_it_goes_by_what_edgeadm_makes(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    before = dict(machine.host.files)
    init(machine)
    del machine.host.files[PATH]
    assert leftovers.look(plain(machine)).lost
    reset(machine)
    lost = {path for path in machine.host.files if machine.host.files[path] != before.get(path)}
    assert all(path.startswith("/proc/sys/") for path in lost), "only kernel parameters cannot be known"
    assert machine.host.files.keys() == before.keys()


def test_of_an_edge_node_nothing_is_left(tmp_path: Path) -> None:
    machine = machine_for(JOIN, tmp_path)
    before = dict(machine.host.files)
    Run(JOIN, machine.context(asked(JOIN)), Recorded()).apply(JOIN.select())
    machine.host.files |= dict.fromkeys(OF_THE_EDGE, b"")
    assert {KEEP_FILE, REPAIR_FILE, CONFLIST} <= machine.host.files.keys()
    reset(machine)
    assert machine.host.files == before
    assert {name: state for name, state in machine.units.items() if state} == {}
    assert reset(machine) == 0


def test_what_lite_apiserver_wrote_goes_also_where_kubeadm_never_ran(tmp_path: Path) -> None:
    machine = machine_for(JOIN, tmp_path)
    steps = [
        step for step in JOIN.select() if step.path not in ("recover", "first-start", "kubeadm", "warm-up")
    ]
    Run(JOIN, machine.context(asked(JOIN)), Recorded()).apply(steps)
    machine.host.files["/data/lite-apiserver/snapshot/.node/clock"] = b""
    reset(machine)
    assert not [path for path in machine.host.files if path.startswith("/data/")]


def test_who_writes_is_stopped_before_those_that_it_asks() -> None:
    order = [unit.name for unit in INVENTORY.units]
    assert order.index("kubelet") < order.index("edgeadm-keep") < order.index("lite-apiserver")
    assert order[-1] == "edgeadm-repair"


@pytest.mark.parametrize("drill", ["edgeadm-drill", "somebody-elses"])
def test_a_drill_that_was_killed_is_ended(drill: str, tmp_path: Path) -> None:
    machine = machine_for(JOIN, tmp_path)
    Run(JOIN, machine.context(asked(JOIN)), Recorded()).apply(JOIN.select())
    machine.host.answers["nft list chains"] = Result(out=f"table inet {drill} {{\n}}\n")
    machine.host.answers["nft delete"] = Result()
    reset(machine)
    assert ("nft delete table inet edgeadm-drill" in machine.host.ran) == (drill == "edgeadm-drill")


@pytest.mark.parametrize("variant", range(len(EVERY_CONFLIST)))
def test_without_the_journal_every_network_configuration_of_ours_is_known(
    variant: int, tmp_path: Path
) -> None:
    machine = Machine(tmp_path)
    init(machine)
    text = Renderer().text("cni/flannel.conflist", EVERY_CONFLIST[variant]).encode()
    del machine.host.files[PATH]
    machine.host.files[CONFLIST] = text + b"edited"
    assert CONFLIST not in {str(each.detail["path"]) for each in ownership.changes(plain(machine))}
    machine.host.files[CONFLIST] = text
    reset(machine)
    assert CONFLIST not in machine.host.files


def test_without_the_journal_packaged_programs_and_edited_units_are_not_ours(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    init(machine)
    del machine.host.files[PATH]
    machine.host.files["/etc/systemd/system/containerd.service"] += b"# edited\n"
    machine.host.answers["dpkg -S /usr/bin/kubectl"] = Result(out="kubectl: /usr/bin/kubectl\n")
    reset(machine)
    assert {"/usr/bin/containerd", "/usr/bin/kubectl"} <= machine.host.files.keys()
    assert "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db" in machine.host.files
    assert "/usr/bin/kubelet" not in machine.host.files
    reasons = {
        left.what: left.reason for left in leftovers.find(plain(machine), leftovers.Witness(lost=True))
    }
    assert "journal is missing" in reasons["/usr/bin/kubectl"]


def test_the_cluster_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.host.files |= pods_write()
    machine.host.write("/usr/bin/kubeadm", b"theirs")
    machine.rules = (Path(__file__).parents[2] / "cases/iptables/control-plane.txt").read_text()
    before, rules = dict(machine.host.files), machine.rules
    assert reset(machine) == 0
    assert (machine.host.files, machine.rules, machine.host.ran) == (before, rules, [])
    left = {each.what for each in leftovers.find(plain(machine), leftovers.Witness())}
    assert {"/var/lib/etcd", "interface cni0", "2 processes of Pods"} <= left
    assert any(each.endswith("iptables chains of Kubernetes") for each in left)
    Run(INIT, machine.context(CONFIG), Recorded()).apply(INIT.select(["node"]))
    reset(machine)
    assert machine.host.files == before, "a single phase of ours on their node"


def test_images_leave_a_containerd_that_is_not_ours(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.host.write("/usr/bin/containerd", b"theirs", 0o755)
    machine.units["containerd"] = {"active", "enabled"}
    machine.images["registry.k8s.io/pause:3.10.1"] = ["sha256:older", "-"]
    machine.images["example.org/mine:1"] = ["sha256:mine", "-"]
    init(machine)
    machine.images["sha256:abc"] = [machine.images["ghcr.io/flannel-io/flannel:v0.28.10"][0], "-"]
    reset(machine)
    assert set(machine.images) == {"registry.k8s.io/pause:3.10.1", "example.org/mine:1"}
    assert "pinned=pinned" not in machine.images["registry.k8s.io/pause:3.10.1"][1]
    assert machine.units["containerd"] == {"active", "enabled"}
    assert machine.host.files["/usr/bin/containerd"] == b"theirs"


def test_idle_tables_and_chains_go_unless_they_were_there_before(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    answers = machine.host.answers
    idle = "type filter hook forward priority filter; policy accept;"
    answers["nft list chains"] = Result(out="table ip filter {\nchain INPUT {\n}\n}\ntable inet mine {\n}\n")
    init(machine)
    answers["nft list chains"] = Result(
        out="table ip filter {\nchain INPUT {\n}\nchain FORWARD {\n}\nchain OUTPUT {\n}\n}\n"
        "table ip nat {\n}\ntable ip6 nat {\n}\ntable inet mine {\n}\ntable ip kube-proxy {\n}\n"
    )
    answers["nft list chain ip filter FORWARD"] = Result(out=f"table ip filter {{\n{idle}\n}}\n")
    answers["nft list chain ip filter OUTPUT"] = Result(out="table ip filter {\nip daddr 10.0.0.1 drop\n}\n")
    answers["nft list table ip nat"] = Result(out="table ip nat {\n}\n")
    answers["nft list table ip6 nat"] = Result(out="table ip6 nat {\nip6 daddr ::1 drop\n}\n")
    answers["nft delete"] = Result()
    Run(RESET, plain(machine), Recorded()).apply(RESET.select(["rules"]))
    assert [line for line in machine.host.ran if line.startswith("nft delete")] == [
        "nft delete table ip kube-proxy",
        "nft delete chain ip filter FORWARD",
        "nft delete table ip nat",
    ]


def test_a_failing_kubeadm_reset_is_a_warning_unless_etcd_counts_on_this_node(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    before = dict(machine.host.files)
    init(machine)
    machine.host.answers["kubeadm reset"] = Result(code=1, err="the runtime does not respond\n")
    with pytest.raises(PhaseError, match="etcd"):
        reset(machine)
    object.__setattr__(machine.cluster, "ready", lambda: False)
    reset(machine)
    assert machine.host.files == before


def test_the_node_leaves_the_list_of_a_cluster_that_lives_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    init(machine)
    role = {"node-role.kubernetes.io/control-plane": ""}
    machine.cluster.objects[("v1", "Node", "", "cp1")] |= {"metadata": {"name": "cp1", "labels": role}}
    machine.cluster.objects[("v1", "Node", "", "cp2")] = {"metadata": {"name": "cp2", "labels": role}}
    kept = Machine(tmp_path / "kept")
    init(kept)
    reset(machine)
    assert ("v1", "Node", "", "cp1") not in machine.cluster.objects
    assert ("v1", "Node", "", "cp2") in machine.cluster.objects
    keep = replace(CONFIG, reset=ResetOptions(keep_node_object=True))
    Run(RESET, plain(kept, keep), Recorded()).apply(RESET.select())
    assert ("v1", "Node", "", "cp1") in kept.cluster.objects


def test_kubeadms_phases_are_told_where_the_certificates_are(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    config = replace(CONFIG, kubeadm=KubeadmFlags(cert_dir="/srv/pki"))
    Run(INIT, machine.context(config), Recorded()).apply(INIT.select(skip=["edge-apps"]))
    reset(machine)
    line = next(line for line in machine.host.ran if line.startswith("kubeadm reset"))
    assert line.endswith("--cri-socket unix:///run/containerd/containerd.sock --cert-dir /srv/pki")


def test_nothing_of_a_reset_is_in_the_journal_but_what_it_took_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    init(machine)
    reset(machine, "state")
    events = {record.event for record in Journal(machine.host).records() if record.verb == "reset"}
    assert events == set()
    assert Journal(machine.host).standing() == []


class Dying:
    """A host on which edgeadm is killed before its n-th command."""

    def __init__(self, real: object, left: int) -> None:
        self.real, self.left = real, left

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def run(self, *argv: str, **more: object) -> Result:
        self.left -= 1
        if self.left == 0:
            raise KilledError
        result: Result = self.real.run(*argv, **more)  # type: ignore[attr-defined]
        return result


def test_a_command_that_fails_stops_the_run_and_the_next_run_goes_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    before = dict(machine.host.files)
    init(machine)
    works = machine.host.answers["ip link delete"]
    machine.host.answers["ip link delete"] = Result(code=2, err="busy")
    with pytest.raises(CommandError):
        reset(machine)
    machine.host.answers["ip link delete"] = works
    reset(machine)
    assert machine.host.files == before
