"""`edgeadm addon`, `detach` and `certs` from their command lines to words and exit status, in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from edgeadm import pki
from edgeadm.workflows import ON_ANY_CLUSTER
from tests.cli.world import edgeadm, logs
from tests.machine import Machine
from tests.traces import API_SERVER, KUBECONFIG, MANIFEST

ADDON = ("addon", "edge-apps")
DETACH = ("detach", "edge-apps")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


def test_addon_makes_an_edge_cluster_and_a_second_run_changes_nothing(machine: Machine) -> None:
    first = edgeadm(machine, *ADDON, "--install-pkg-path", "/mnt/package")
    assert first.status == 0, first.err
    assert first.out == "This is an edge cluster now.\nEdge nodes connect to 10.0.0.11, port 30900.\n"
    again = edgeadm(machine, *ADDON, "--install-pkg-path", "/mnt/package")
    assert (again.status, again.out, "0 changes" in again.err) == (0, "", True)


def test_other_control_planes_are_named(machine: Machine) -> None:
    other = yaml.safe_load(API_SERVER.replace(b"10.0.0.11", b"10.0.0.12"))
    other["metadata"]["name"] = "kube-apiserver-cp2"
    other["spec"]["nodeName"] = "cp2"
    machine.cluster.objects["v1", "Pod", "kube-system", "kube-apiserver-cp2"] = other
    assert "do not use the tunnel yet: cp2" in edgeadm(machine, *ADDON).out
    assert json.loads(edgeadm(machine, *ADDON, "-o", "json").out)["unwired"] == ["cp2"]


def test_the_plan_names_every_phase_and_a_dry_run_every_object(machine: Machine) -> None:
    before, files = dict(machine.cluster.objects), dict(machine.host.files)
    plan = json.loads(edgeadm(machine, *ADDON, "plan", "-o", "json").out)
    phases = [each["phase"] for each in plan["phases"]]
    assert phases == ["images", *(phase.name for phase in ON_ANY_CLUSTER)]
    dry = json.loads(edgeadm(machine, *ADDON, "--dry-run", "-o", "json").out)
    assert "apply Deployment/edge-system/tunnel-cloud" in dry["changes"]
    assert any(change.startswith(f"write {MANIFEST}") for change in dry["changes"])
    assert (machine.cluster.objects, machine.host.files) == (before, files)


def test_a_dry_run_names_the_fields_that_change_and_no_values(machine: Machine) -> None:
    edgeadm(machine, *ADDON)
    said = edgeadm(machine, *ADDON, "--tunnel-port", "30901", "--dry-run").out
    assert "apply Service/edge-system/tunnel-cloud-grpc (spec.ports[0].nodePort)" in said
    assert "apply Secret/edge-system/tunnel-edge-conf (data.mode.toml)" in said
    assert "30901" not in said


def test_what_the_first_run_was_asked_holds_for_the_next(machine: Machine) -> None:
    edgeadm(machine, *ADDON, "--tunnel-port", "30901", "--master-public-addr", "203.0.113.7")
    assert "0 changes" in edgeadm(machine, *ADDON).err
    assert edgeadm(machine, *ADDON, "--tunnel-port", "30902").out.endswith("to 203.0.113.7, port 30902.\n")


def test_values_for_what_is_no_component_are_refused(machine: Machine) -> None:
    (machine.folder / "values.yaml").write_text("tunel: {}\n")
    refused = edgeadm(machine, *ADDON, "--values", str(machine.folder / "values.yaml"))
    assert (refused.status, "`tunel`" in refused.err, "did you mean `tunnel`" in refused.err) == (
        3,
        True,
        True,
    )


def test_what_is_left_in_a_foreign_control_plane_is_said_in_words_and_as_json(machine: Machine) -> None:
    del machine.host.files[MANIFEST]
    del machine.cluster.objects["v1", "Pod", "kube-system", "kube-apiserver-cp1"]
    first = edgeadm(machine, *ADDON)
    assert (first.status, "Manual steps" in first.out) == (0, True), first.err
    again = json.loads(edgeadm(machine, *ADDON, "-o", "json").out)
    assert (again["changed"], len(again["byHand"])) == (0, 1)
    assert f"- {again['byHand'][0]}" in first.out


def test_upstreams_spellings_are_taken(machine: Machine) -> None:
    for name in ("ca.crt", "ca.key"):
        machine.host.files[f"/mnt/{name}"] = machine.host.files[f"/etc/kubernetes/pki/{name}"]
    words = ["--ca.cert", "/mnt/ca.crt", "--ca.key", "/mnt/ca.key", "--certSANs", "edge.example.org"]
    words += ["--master-public-addr", "203.0.113.7:6443", "--manifest-dir", str(machine.folder)]
    ended = edgeadm(machine, *ADDON, *words)
    assert (ended.status, "to 203.0.113.7, port 30900" in ended.out) == (0, True), ended.err
    conf = machine.cluster.objects["v1", "Secret", "edge-system", "tunnel-edge-conf"]["data"]["mode.toml"]
    assert b'server_name = "203.0.113.7:30900"' in pki.decoded(conf)


def test_another_kubeconfig_and_none_at_all(machine: Machine) -> None:
    machine.host.files["/mnt/kubeconfig"] = KUBECONFIG
    assert edgeadm(machine, *ADDON, "--kubeconfig", "/mnt/kubeconfig").status == 0
    del machine.host.files["/etc/kubernetes/admin.conf"]
    ended = edgeadm(machine, *ADDON)
    assert (ended.status, "[kubeconfig]" in ended.err) == (3, True)


@pytest.mark.parametrize(
    "words",
    [
        ["--tunnel-port", "80"],
        ["--service-group", "loose"],
        ["--certSANs", "a_b"],
        ["--master-public-addr", "https://cp1:6443"],
        ["--edge-version", "latest"],
        ["--edge-virtual-addr", "eth0"],
        ["--manifests-dir", "/no/folder"],
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(words: list[str], machine: Machine) -> None:
    before = dict(machine.cluster.objects)
    ended = edgeadm(machine, *ADDON, *words)
    assert (ended.status, words[0] in ended.err) == (3, True)
    assert machine.cluster.objects == before


def test_detach_says_so_and_a_second_time_that_there_is_nothing(machine: Machine) -> None:
    edgeadm(machine, *ADDON)
    ended = edgeadm(machine, *DETACH)
    assert (ended.status, ended.out) == (0, "The edge components are removed from the cluster.\n"), ended.err
    assert machine.host.files[MANIFEST] == API_SERVER
    assert "0 changes" in edgeadm(machine, *DETACH).err


def test_detach_under_an_edge_node_wants_force(machine: Machine) -> None:
    machine.add_node("edge1", {"superedge.io/node-edge": "enable"})
    edgeadm(machine, *ADDON)
    refused = edgeadm(machine, *DETACH)
    assert (refused.status, "[edge-nodes]" in refused.err, "edge1" in refused.err) == (2, True, True)
    assert edgeadm(machine, *DETACH, "--force").status == 0


def test_certificates_are_listed_and_renewed(machine: Machine) -> None:
    edgeadm(machine, *ADDON, "--certSANs", "edge.example.org")
    listed = json.loads(edgeadm(machine, "certs", "check", "-o", "json").out)
    assert [each["name"].rpartition("/")[2] for each in listed] == [
        "cloud",
        "egress",
        "webhook_server",
        "server",
    ]
    assert {each["state"] for each in listed} == {"ok"}
    assert "0 changes" in edgeadm(machine, "certs", "renew").err
    before = machine.cluster.objects["v1", "Secret", "edge-system", "tunnel-cloud-cert"]["data"]["cloud.crt"]
    ended = edgeadm(machine, "certs", "renew", "--all")
    assert ended.status == 0, ended.err
    after = machine.cluster.objects["v1", "Secret", "edge-system", "tunnel-cloud-cert"]["data"]["cloud.crt"]
    assert after != before
    assert pki.is_valid_for(pki.decoded(after), {"edge.example.org", "127.0.0.1"})
    assert "ok" in edgeadm(machine, "certs", "check").out


def test_renewal_sets_nothing_up(machine: Machine) -> None:
    edgeadm(machine, *ADDON, "--skip-phases", "api-server")
    edgeadm(machine, "certs", "renew", "--all")
    assert machine.host.files[MANIFEST] == API_SERVER


def test_a_single_phase_is_told_as_json_as_well(machine: Machine) -> None:
    found = json.loads(edgeadm(machine, *ADDON, "phase", "namespace", "-o", "json").out)
    assert (found["verb"], [each["phase"] for each in found["phases"]]) == ("addon edge-apps", ["namespace"])
    assert found["changed"] == 1


def test_the_log_holds_no_secret(machine: Machine) -> None:
    edgeadm(machine, *ADDON)
    files = machine.cluster.objects["v1", "Secret", "edge-system", "tunnel-cloud-token"]["data"]
    token = pki.decoded(files["token"]).decode().partition(":")[2]
    assert len(token) == 32
    assert token not in logs(machine)


def test_only_root_may(machine: Machine) -> None:
    for words in (ADDON, DETACH, ("certs", "renew")):
        assert "[not-root]" in edgeadm(machine, *words, is_root=False).err
