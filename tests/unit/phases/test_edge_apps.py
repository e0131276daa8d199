"""The components of an edge cluster on a cluster in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm import pki
from edgeadm.apps import serving_certificates
from edgeadm.apps.egress_files import CONFIG, COPY, FLAG
from edgeadm.apps.facts import tunnel_address
from edgeadm.config import Config
from edgeadm.config.model import AddonFlags, JoinFlags, KubeadmFlags
from edgeadm.core.runner import Run
from edgeadm.errors import EdgeadmError
from edgeadm.phases.edge_apps.api_server import ApiServer
from edgeadm.workflows import ADDON, DETACH, JOIN
from tests.certificates import new_pair
from tests.edge_cluster import EDGE, context, edge_pod, run
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import API_SERVER, MANIFEST


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A control plane that somebody made with kubeadm."""
    made = Machine(tmp_path)
    made.make_control_plane()
    return made


def secret(machine: Machine, name: str) -> dict[str, bytes]:
    found = machine.cluster.objects["v1", "Secret", "edge-system", name]["data"]
    return {key: pki.decoded(value) for key, value in found.items()}


def test_a_clusters_objects_are_labelled_by_component_and_cloud_nodes_as_such(machine: Machine) -> None:
    machine.add_node("edge1", EDGE)
    run(machine)
    found = {
        (kind, name): obj["metadata"]["labels"].get("edgeadm.io/component")
        for (_, kind, namespace, name), obj in machine.cluster.objects.items()
        if obj["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "edgeadm"
    }
    assert found["Deployment", "tunnel-cloud"] == "tunnel"
    assert found["Secret", "tunnel-cloud-cert"] == "certificates"
    assert found["DaemonSet", "approver"] == "approver"
    assert None not in found.values()
    labels = {
        name: machine.cluster.objects["v1", "Node", "", name]["metadata"]["labels"]
        for name in ("cp1", "edge1")
    }
    assert labels["cp1"]["superedge.io/node-cloud"] == "enable"
    assert labels["edge1"] == EDGE


def test_the_tunnels_token_is_random_and_stays(machine: Machine) -> None:
    run(machine)
    token = secret(machine, "tunnel-cloud-token")["token"]
    assert token.startswith(b"default:")
    assert len(token) == len("default:") + 32
    assert token.removeprefix(b"default:") in secret(machine, "tunnel-edge-conf")["mode.toml"]
    run(machine, config=Config(tunnel_port=30901))
    assert secret(machine, "tunnel-cloud-token")["token"] == token
    assert b':30901"' in secret(machine, "tunnel-edge-conf")["mode.toml"]


def test_no_secret_is_in_a_configmap_or_in_what_is_said(machine: Machine) -> None:
    report = Recorded()
    Run(ADDON, context(machine), report).apply(ADDON.select())
    words = [value for key, value in secret(machine, "tunnel-cloud-cert").items() if key.endswith(".key")]
    words.append(secret(machine, "tunnel-cloud-token")["token"].removeprefix(b"default:"))
    open_ = [obj for (_, kind, _, _), obj in machine.cluster.objects.items() if kind != "Secret"]
    journal = machine.host.files["/var/lib/edgeadm/journal.jsonl"].decode()
    for place in (str(open_), str(report), journal):
        assert not [word for word in words if word.decode() in place]


def test_a_template_that_drops_an_object_has_it_removed(machine: Machine, tmp_path: Path) -> None:
    run(machine)
    assert ("v1", "Service", "edge-system", "tunnel-cloud-grpc") in machine.cluster.objects
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    whole = (Path(__file__).parents[3] / "templates/addons/tunnel-cloud.yaml.j2").read_text().split("---\n")
    (theirs / "tunnel-cloud.yaml").write_text("---\n".join(part for part in whole if "nodePort:" not in part))
    assert run(machine, config=Config(manifests_dir=str(theirs))) == 1
    assert ("v1", "Service", "edge-system", "tunnel-cloud-grpc") not in machine.cluster.objects
    assert ("v1", "Service", "edge-system", "tunnel-cloud") in machine.cluster.objects


def test_what_the_tunnel_writes_itself_is_left_alone(machine: Machine) -> None:
    run(machine)
    routes = machine.cluster.objects["v1", "ConfigMap", "edge-system", "tunnel-cache"]
    routes["data"]["edge_nodes"] = "192.168.0.4 edge1"
    assert run(machine) == 0
    run(machine, config=Config(tunnel_port=30901))
    assert routes["data"]["edge_nodes"] == "192.168.0.4 edge1"


@pytest.mark.parametrize(
    ("services", "taken", "wanted"),
    [
        ("10.96.0.0/12", (), "10.96.0.80"),
        ("10.96.0.0/12", ("10.96.0.80", "10.96.0.81"), "10.96.0.82"),
        ("10.0.0.0/25", (), "10.0.0.63"),
        ("fd00:96::/112", (), "fd00:96::50"),
    ],
)
def test_the_tunnels_address_is_the_80th_or_the_next_free_one(
    services: str, taken: tuple[str, ...], wanted: str, machine: Machine
) -> None:
    for address in taken:
        machine.cluster.objects["v1", "Service", "default", address] = {
            "metadata": {"name": address, "namespace": "default"},
            "spec": {"clusterIP": address},
        }
    ctx = context(machine, Config(kubeadm=KubeadmFlags(service_cidr=services)))
    assert tunnel_address(ctx) == wanted


def test_the_tunnels_address_stays_where_it_is(machine: Machine) -> None:
    run(machine)
    service = machine.cluster.objects["v1", "Service", "edge-system", "tunnel-cloud"]
    service["spec"]["clusterIP"] = "10.96.0.99"
    assert tunnel_address(context(machine)) == "10.96.0.99"


def test_certificates_stay_while_they_are_good(machine: Machine) -> None:
    run(machine)
    first = secret(machine, "tunnel-cloud-cert")
    assert run(machine) == 0
    assert secret(machine, "tunnel-cloud-cert") == first
    more = Config(addon=AddonFlags(cert_sans=("edge.example.org",)))
    run(machine, config=more)
    second = secret(machine, "tunnel-cloud-cert")
    assert second["cloud.crt"] != first["cloud.crt"]
    assert second["egress.crt"] == first["egress.crt"]


def test_a_certificate_near_its_end_is_made_anew_and_pods_read_it(machine: Machine) -> None:
    run(machine)
    pair = next(each for each in serving_certificates.pairs(context(machine)) if each.base == "egress")
    ca, ca_key = (machine.host.files[f"/etc/kubernetes/pki/ca.{kind}"] for kind in ("crt", "key"))
    key = pki.new_key()
    # The CA of the tests lives for a day: what it signs for 0 days is over at once.
    old = pki.sign(ca, ca_key, key, pair.leaf, 0)
    kept = machine.cluster.objects["v1", "Secret", "edge-system", "tunnel-cloud-cert"]["data"]
    kept |= {"egress.crt": pki.encoded(old), "egress.key": pki.encoded(key)}
    reads = pod_annotation(machine)
    assert run(machine, only=("certificates", "tunnel")) == 2
    assert secret(machine, "tunnel-cloud-cert")["egress.crt"] != old
    assert pod_annotation(machine) != reads


def pod_annotation(machine: Machine) -> str:
    template = machine.cluster.objects["apps/v1", "Deployment", "edge-system", "tunnel-cloud"]["spec"][
        "template"
    ]
    return str(template["metadata"]["annotations"]["edgeadm.io/reads"])


def test_without_the_cas_key_nothing_is_signed_and_the_flag_is_named(machine: Machine) -> None:
    del machine.host.files["/etc/kubernetes/pki/ca.key"]
    with pytest.raises(serving_certificates.NoAuthorityError) as refused:
        run(machine)
    assert "--ca.key" in refused.value.hint


def test_the_ca_may_lie_elsewhere(machine: Machine) -> None:
    for name in ("ca.crt", "ca.key"):
        machine.host.files[f"/mnt/{name}"] = machine.host.files.pop(f"/etc/kubernetes/pki/{name}")
    run(machine, config=Config(addon=AddonFlags(ca_cert="/mnt/ca.crt", ca_key="/mnt/ca.key")))
    assert secret(machine, "tunnel-edge-cert")["ca.crt"] == machine.host.files["/mnt/ca.crt"]


def test_the_api_server_goes_through_the_tunnel(machine: Machine) -> None:
    edge_pod(machine, log="node added")
    run(machine)
    manifest = machine.host.files[MANIFEST]
    assert f"--{FLAG}={CONFIG}".encode() in manifest
    assert machine.host.files[COPY] == API_SERVER
    egress = yaml.safe_load(machine.host.files[CONFIG])["egressSelections"][0]["connection"]
    assert egress["transport"]["tcp"]["url"] == "https://10.96.0.80:8000"
    shown = egress["transport"]["tcp"]["tlsConfig"]
    assert shown["clientCert"] == "/etc/kubernetes/pki/apiserver-kubelet-client.crt"
    assert machine.host.modes[COPY] == machine.host.modes[CONFIG] == 0o600


UNWELL: dict[str, Callable[[Machine], None]] = {
    "the API server does not come back": lambda machine: setattr(machine, "unbearable", FLAG),
    "no Pod at the edge is reached": lambda machine: edge_pod(machine, log=None),
}


@pytest.mark.parametrize("case", UNWELL)
def test_where_that_does_not_work_the_manifest_is_put_back_byte_for_byte(case: str, machine: Machine) -> None:
    run(machine, only=("namespace", "approver", "certificates", "tunnel"))
    machine.host.modes[MANIFEST] = 0o600
    UNWELL[case](machine)
    said: list[str] = []
    ctx = context(machine, warn=said.append)
    with pytest.raises(EdgeadmError) as failed:
        ApiServer().apply(ctx)
    assert failed.value.code == "api-server-not-wired"
    assert (machine.host.files[MANIFEST], machine.host.modes[MANIFEST]) == (API_SERVER, 0o600)
    assert "previous API server manifest" in said[0]
    pod = machine.cluster.objects["v1", "Pod", "kube-system", "kube-apiserver-cp1"]
    assert FLAG not in str(pod)


def test_an_egress_of_somebody_elses_is_not_touched(machine: Machine) -> None:
    theirs = API_SERVER.replace(
        b"    - --secure", f"    - --{FLAG}=/etc/konnectivity.yaml\n    - --secure".encode()
    )
    machine.host.files[MANIFEST] = theirs
    with pytest.raises(EdgeadmError) as refused:
        run(machine)
    assert refused.value.code == "other-egress"
    assert machine.host.files[MANIFEST] == theirs


@pytest.mark.parametrize("case", ["no flags", "another CA"])
def test_an_api_server_that_the_tunnel_would_refuse_is_not_touched(case: str, machine: Machine) -> None:
    if case == "no flags":
        lines = machine.host.files[MANIFEST].splitlines(keepends=True)
        machine.host.files[MANIFEST] = b"".join(each for each in lines if b"kubelet-client" not in each)
    else:
        base = "/etc/kubernetes/pki/apiserver-kubelet-client"
        machine.host.files[f"{base}.crt"], machine.host.files[f"{base}.key"] = new_pair("another")
    before = machine.host.files[MANIFEST]
    with pytest.raises(EdgeadmError) as refused:
        run(machine)
    assert refused.value.code == "no-client-certificate"
    assert machine.host.files[MANIFEST] == before


def test_a_machine_without_an_api_server_leaves_that_step_out(machine: Machine) -> None:
    del machine.host.files[MANIFEST]
    verdict = ApiServer().check(context(machine))
    assert (verdict.needed, "no API server" in verdict.reason) == (False, True)


@pytest.mark.parametrize(
    ("control_plane", "tunnel", "needed", "reason"),
    [
        (False, True, False, "only control planes"),
        (True, False, False, "the tunnel is not installed"),
        (True, True, True, "not configured to use the tunnel"),
    ],
)
def test_a_control_plane_that_joins_goes_through_the_tunnel_if_there_is_one(
    control_plane: bool, tunnel: bool, needed: bool, reason: str, machine: Machine
) -> None:
    if tunnel:
        run(machine, only=("namespace", "certificates", "tunnel"))
    ctx = machine.context(Config(join=JoinFlags(control_plane=control_plane)))
    last = JOIN.select(["edge-apps"])
    ((_, verdict),) = Run(JOIN, ctx, Recorded()).plan(last)
    assert (verdict.needed, reason in verdict.reason) == (needed, True)
    assert Run(JOIN, ctx, Recorded()).apply(last) == needed
    assert Run(JOIN, ctx, Recorded()).apply(last) == 0


def test_detach_takes_all_of_it_back_and_nothing_else(machine: Machine) -> None:
    machine.cluster.objects["v1", "ConfigMap", "default", "theirs"] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": "default"},
    }
    before, files = snapshot(machine), dict(machine.host.files)
    run(machine)
    assert snapshot(machine) != before
    machine.cluster.objects["v1", "Endpoints", "edge-system", "tunnel-route-cache"] = {
        "metadata": {"name": "x"}
    }
    run(machine, DETACH)
    assert snapshot(machine) == before
    ours = ("/var/lib/edgeadm/",)
    assert {path: data for path, data in machine.host.files.items() if not path.startswith(ours)} == files
    assert run(machine, DETACH) == 0


def snapshot(machine: Machine) -> dict[Any, Any]:
    return {
        key: {k: v for k, v in obj.items() if k != "status"} for key, obj in machine.cluster.objects.items()
    }


def test_detach_leaves_a_namespace_that_others_use(machine: Machine) -> None:
    run(machine)
    machine.cluster.objects["v1", "ConfigMap", "edge-system", "theirs"] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": "edge-system"},
    }
    said: list[str] = []
    ctx = context(machine, warn=said.append)
    Run(DETACH, ctx, Recorded()).apply(DETACH.select())
    left = [key for key in machine.cluster.objects if "edge-system" in key]
    assert left == [("v1", "Namespace", "", "edge-system"), ("v1", "ConfigMap", "edge-system", "theirs")]
    assert "ConfigMap/theirs" in said[0]


def test_detach_refuses_while_edge_nodes_are_there_unless_forced(machine: Machine) -> None:
    edge_pod(machine, log="")
    run(machine)
    with pytest.raises(EdgeadmError) as refused:
        run(machine, DETACH)
    assert (refused.value.code, "edge1" in refused.value.message) == ("edge-nodes", True)
    assert ("apps/v1", "Deployment", "edge-system", "tunnel-cloud") in machine.cluster.objects
    run(machine, DETACH, Config(addon=replace(AddonFlags(), force=True)))
    assert ("apps/v1", "Deployment", "edge-system", "tunnel-cloud") not in machine.cluster.objects


def test_detach_refuses_while_another_control_plane_lives_by_the_tunnel(machine: Machine) -> None:
    run(machine)
    other = yaml.safe_load(machine.host.files[MANIFEST].replace(b"10.0.0.11", b"10.0.0.12"))
    other["metadata"]["name"] = "kube-apiserver-cp2"
    other["spec"]["nodeName"] = "cp2"
    machine.cluster.objects["v1", "Pod", "kube-system", "kube-apiserver-cp2"] = other
    with pytest.raises(EdgeadmError) as refused:
        run(machine, DETACH)
    assert (refused.value.code, "cp2" in refused.value.message) == ("still-wired", True)


def test_detach_keeps_what_was_changed_in_the_manifest_meanwhile(machine: Machine) -> None:
    run(machine)
    machine.host.write(MANIFEST, machine.host.files[MANIFEST].replace(b"v1.34.4", b"v1.34.5"))
    run(machine, DETACH)
    assert yaml.safe_load(machine.host.files[MANIFEST]) == yaml.safe_load(
        API_SERVER.replace(b"v1.34.4", b"v1.34.5")
    )
