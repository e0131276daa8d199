"""The product's preflight checks for a machine of a fleet: the same list, for another host, asked briefly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeadm.checks.engine import Finding, Result
from edgeadm.config import Config, JoinFlags, KubeadmFlags
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.preflight import PreflightChecks, findings, for_document
from edgeadm.hosts import Result as Answer
from edgeadm.package.opened import OpenPackage
from edgeadm.preflight.every import JOIN_CHECKS
from tests import crowds
from tests.counted import CountedHost
from tests.machine import Machine as Computer
from tests.unit.package.crafted import true_package

JOIN = Config(join=JoinFlags(api_server_endpoint="10.0.0.11:6443"))


def checked(
    computer: Computer, config: Config = JOIN, role: Role = Role.EDGE, its: Facts | None = None, **more: Any
) -> list[Finding]:
    host = CountedHost(computer.host)
    machine = crowds.machine(1, role=role, **more)
    found = findings(host, machine, config, computer.package, its or crowds.facts(1))
    assert not {"run", "write", "put", "remove", "append"} & host.calls.keys()
    assert sum(host.calls.values()) < 70
    return list(found)


def codes(found: list[Finding], result: Result = Result.FAILED) -> list[str]:
    return [each.code for each in found if each.result is result]


def test_a_bare_machine_may_join(tmp_path: Path) -> None:
    assert codes(checked(Computer(tmp_path, role="edge"))) == []


def test_a_bare_machine_may_become_the_first_control_plane(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    assert codes(checked(computer, Config(), Role.CONTROL_PLANE)) == []
    computer.host.answers["nproc"] = Answer(out="1\n")
    computer.host.files["/var/lib/etcd/member/x"] = b""
    assert codes(checked(computer, Config(), Role.CONTROL_PLANE)) == ["NumCPU", "DirAvailable--var-lib-etcd"]


def test_a_further_control_plane_is_checked_as_one(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.host.files["/var/lib/etcd/member/x"] = b""
    config = replace(JOIN, join=replace(JOIN.join, control_plane=True))
    assert codes(checked(computer, config, Role.CONTROL_PLANE)) == ["DirAvailable--var-lib-etcd"]
    assert codes(checked(computer, JOIN, Role.WORKER)) == []


def test_findings_are_of_the_remote_host_and_can_be_waived(tmp_path: Path) -> None:
    computer = Computer(tmp_path, role="edge")
    computer.host.files["/proc/swaps"] = b"Filename Type\n/dev/sda3 partition\n"
    computer.host.answers["id -u"] = Answer(out="1000\n")
    found = checked(computer)
    assert codes(found) == ["IsPrivilegedUser", "Swap"]
    assert "sudo" in found[0].hint
    waived = replace(JOIN, kubeadm=KubeadmFlags(ignore_preflight_errors=("swap",)))
    found = checked(computer, waived)
    assert (codes(found), codes(found, Result.WARNING)) == (["IsPrivilegedUser"], ["Swap"])


def test_a_name_that_no_resolver_knows_is_expected(tmp_path: Path) -> None:
    computer = Computer(tmp_path, role="edge")
    computer.host.answers["getent hosts"] = Answer(code=2)
    assert checked(computer) == []
    named = replace(JOIN, kubeadm=KubeadmFlags(node_name="till_3", ignore_preflight_errors=("Hostname",)))
    assert codes(checked(computer, named), Result.WARNING) == ["Hostname"]


def test_the_state_before_a_reset_is_no_finding(tmp_path: Path) -> None:
    computer = Computer(tmp_path, role="edge")
    computer.host.files["/etc/kubernetes/kubelet.conf"] = b"x"
    assert codes(checked(computer)) == ["FileAvailable--etc-kubernetes-kubelet.conf"]
    assert codes(checked(computer, reinstall=True)) == []
    running = crowds.facts(1, running="edgeadm-fleet-join-x.service")
    assert codes(checked(computer, its=running)) == []
    assert codes(checked(computer, its=crowds.facts(1, interrupted="reset"))) == []


def test_documents_that_kubeadm_does_not_read_are_a_finding(tmp_path: Path) -> None:
    document = {"apiVersion": "kubeadm.k8s.io/v1beta2", "kind": "JoinConfiguration"}
    config = replace(JOIN, kubeadm_documents=(document,))
    found = checked(Computer(tmp_path, role="edge"), config)
    assert codes(found) == ["KubeadmDocuments"]


def test_the_disk_of_the_machine_counts_and_not_the_copies_on_this_host(tmp_path: Path) -> None:
    """An earlier `init` on this host left the unpacked package here: the machine still needs the space."""
    computer = Computer(tmp_path, role="edge")
    assert computer.package is not None
    here = OpenPackage(tmp_path, computer.package.manifest, "edge", tmp_path / "private")
    here._folder().mkdir(parents=True)
    assert here.own_mib() == 0
    big = replace(computer.package.manifest.files[0], size=5 << 30, roles=("edge",), kind="image")
    manifest = replace(computer.package.manifest, files=(big, *computer.package.manifest.files))
    computer.package = replace(here, manifest=manifest)
    computer.package._folder().mkdir(parents=True)
    computer.host.answers["df -Pk"] = Answer(out="Filesystem\n/dev/vda 9 1 4000000 1% /\n")
    assert codes(checked(computer)) == ["DiskSpace", "DiskSpace"]


def all_checks(folder: Path, its: Facts | None = None, **more: Any) -> list[Finding]:
    """The findings of the checks as the work calls them, of a fleet with this machine."""
    path = folder / "p.tar.zst"
    if not path.exists():
        true_package(path, folder / "source")
    computer = Computer(folder / "computer", role="worker")
    machine = crowds.machine(1, **{"role": Role.WORKER} | more)
    plane = crowds.machine(9, role=Role.CONTROL_PLANE)
    fleet = Fleet("shops", (plane, machine), settings={"cni": "none", "ignoreRuntime": True})
    bundles = Bundles({"amd64": str(path)}, folder / "cache")
    checks = PreflightChecks(fleet, bundles, "10.0.0.11:6443", more.pop("ca", crowds.OURS))
    return list(checks(computer.host, machine, its or crowds.facts(1)))


def test_the_package_and_the_settings_of_the_document_are_those_of_the_checks(tmp_path: Path) -> None:
    assert codes(all_checks(tmp_path)) == []
    assert codes(all_checks(tmp_path, settings={"ignoreRuntime": False})) == ["ContainerRuntime"]
    assert codes(all_checks(tmp_path, settings={"nodeIp": "192.0.2.1"})) == ["NodeIP"]


def test_a_missing_package_is_a_finding(tmp_path: Path) -> None:
    # The check PackageMissing of edgeadm/fleet/cross_system.py reports it.
    assert all_checks(tmp_path, crowds.facts(1, arch="riscv64")) == []
    computer = Computer(tmp_path / "computer", role="worker")
    none = PreflightChecks(Fleet("shops", (crowds.machine(1),)), Bundles({}), "10.0.0.11:6443", crowds.OURS)
    found = none(computer.host, crowds.machine(1), crowds.facts(1))
    assert [each.code for each in found] == ["no-package-for-architecture"]


def test_a_node_of_the_cluster_is_not_checked_again(tmp_path: Path) -> None:
    """As in a join on the host itself: a node whose kubelet was stopped has ports and files of a node."""
    bad = {"role": Role.WORKER, "settings": {"nodeIp": "192.0.2.1"}}
    assert codes(all_checks(tmp_path, crowds.facts(1, membership=crowds.member()), **bad)) == []
    for changed in ({"membership": crowds.member(ca=crowds.THEIRS)}, {"interrupted": "join"}):
        its = crowds.facts(1, **{"membership": crowds.member()} | changed)
        assert codes(all_checks(tmp_path, its, **bad)) == ["NodeIP"]


def test_the_first_control_plane_of_a_new_cluster_is_made_by_init(tmp_path: Path) -> None:
    planes = tuple(crowds.machine(number, role=Role.CONTROL_PLANE) for number in (1, 2))
    fleet = Fleet("shops", (*planes, crowds.machine(3)))
    new = PreflightChecks(fleet, Bundles({}))
    first, second, edge = (new.config(each) for each in fleet.machines)
    assert (first.verb, second.verb, edge.verb) == ("init", "join", "join")
    assert second.join.control_plane
    assert edge.join.discovery_token_ca_cert_hash
    known = PreflightChecks(fleet, Bundles({}), "10.0.0.11:6443", crowds.OURS)
    assert known.config(planes[0]).join.control_plane


def test_hints_name_keys_of_the_document() -> None:
    found = for_document(crowds.finding("NodeIP", hint="pass one of its own addresses as `--node-ip`"))
    assert found.hint == "pass one of its own addresses as `nodeIp` in `settings`"
    found = for_document(crowds.finding("Programs", hint="pass `--install-pkg-path`, or `--unknown-flag`"))
    assert found.hint == "pass `packages`, or `--unknown-flag`"


def test_no_hint_of_a_join_names_a_flag_of_the_join(tmp_path: Path) -> None:
    for check in JOIN_CHECKS:
        assert "`--" not in for_document(crowds.finding(check.code, hint=check.hint)).hint, check.code


def test_machines_are_not_changed(tmp_path: Path) -> None:
    computer = Computer(tmp_path, role="edge")
    before = dict(computer.host.files)
    checked(computer)
    assert (computer.host.files, computer.host.ran) == (before, [])
    assert isinstance(crowds.machine(1), Machine)
