"""`addon` and `detach` on clusters that neither kubeadm nor edgeadm made, in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeadm.apps import announced, manual_steps
from edgeadm.apps.egress_files import CONFIG, FLAG, FOLDER
from edgeadm.apps.settings import remembered
from edgeadm.cli.certs import rows
from edgeadm.cluster.errors import TokenRefusedError, TokenUnknownError
from edgeadm.cluster.fake import FakeOutside
from edgeadm.config import Config
from edgeadm.config.model import AddonFlags
from edgeadm.config.ticket import Ticket
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.errors import ApiError, ConfigError, EdgeadmError
from edgeadm.hosts import Result
from edgeadm.pki import encoded
from edgeadm.render import TemplateError
from edgeadm.workflows import ADDON, CERTS, DETACH
from tests.certificates import authority
from tests.machine import Machine
from tests.reports import Recorded
from tests.traces import KUBECONFIG, MANIFEST

HERE = "/root/.kube/config"
OURS = Config(addon=AddonFlags(kubeconfig=HERE))
PUBLIC = ("v1", "ConfigMap", "kube-public", "cluster-info")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose API server a unit has started; the cluster has nothing of kubeadm's."""
    made = Machine(tmp_path)
    made.make_control_plane()
    made.host.files[HERE] = kubeconfig("https://203.0.113.7:6443")
    for path in (MANIFEST, "/etc/kubernetes/admin.conf"):
        del made.host.files[path]
    del made.cluster.objects["v1", "Pod", "kube-system", "kube-apiserver-cp1"]
    made.cluster.objects["v1", "Node", "", "cp1"]["metadata"]["labels"] = {}
    serve(made)
    return made


def kubeconfig(server: str) -> bytes:
    found = yaml.safe_load(KUBECONFIG)
    found["clusters"][0]["cluster"] = {
        "server": server,
        "certificate-authority-data": encoded(authority()[0]),
    }
    return yaml.safe_dump(found).encode()


def serve(machine: Machine, *flags: str) -> None:
    """The API server as a process of the machine."""
    words = ["kube-apiserver", "--secure-port=6443", *flags]
    machine.host.files["/proc/42/cmdline"] = b"\0".join(word.encode() for word in words) + b"\0"
    machine.host.answers["pgrep -x kube-apiserver"] = Result(out="42\n")


def context(machine: Machine, config: Config = OURS, **more: Any) -> Context:
    ctx = replace(machine.context(config), **more)
    ctx.journal.verb = ADDON.name
    return ctx


def run(machine: Machine, workflow: Workflow = ADDON, config: Config = OURS, **more: Any) -> int:
    return Run(workflow, context(machine, config, **more), Recorded()).apply(workflow.select())


def data(machine: Machine, namespace: str, name: str) -> dict[str, str]:
    found: dict[str, str] = machine.cluster.objects["v1", "ConfigMap", namespace, name]["data"]
    return found


def test_what_machines_join_by_is_made_and_taken_back(machine: Machine) -> None:
    before = set(machine.cluster.objects)
    run(machine)
    info = yaml.safe_load(data(machine, "kube-public", "cluster-info")["kubeconfig"])
    assert info["clusters"][0]["cluster"]["server"] == "https://203.0.113.7:6443"
    cluster = yaml.safe_load(data(machine, "kube-system", "kubeadm-config")["ClusterConfiguration"])
    assert (cluster["apiVersion"], cluster["kubernetesVersion"]) == ("kubeadm.k8s.io/v1beta4", "v1.34.4")
    assert cluster["networking"] == {"dnsDomain": "cluster.local", "serviceSubnet": "10.96.0.0/12"}
    kubelet = yaml.safe_load(data(machine, "kube-system", "kubelet-config")["kubelet"])
    assert (kubelet["clusterDNS"], kubelet["clusterDomain"]) == (["10.96.0.10"], "cluster.local")
    assert run(machine) == 0
    run(machine, DETACH)
    assert set(machine.cluster.objects) == before


def test_what_somebody_has_under_such_a_name_stays(machine: Machine) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": "theirs"},
    }
    machine.cluster.objects[PUBLIC] = theirs | {"data": {"kubeconfig": "{}"}}
    run(machine)
    assert data(machine, "kube-public", "cluster-info") == {"kubeconfig": "{}"}
    run(machine, DETACH)
    assert PUBLIC in machine.cluster.objects


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://localhost:6443"])
def test_a_loopback_address_is_announced_to_nobody(server: str, machine: Machine) -> None:
    machine.host.files[HERE] = kubeconfig(server)
    with pytest.raises(announced.NoServerError) as refused:
        announced.server(context(machine))
    assert "--master-public-addr" in refused.value.hint
    machine.cluster.objects["v1", "Endpoints", "default", "kubernetes"] = {
        "subsets": [{"addresses": [{"ip": "fd00::11"}], "ports": [{"port": 6444}]}]
    }
    assert announced.server(context(machine)) == "https://[fd00::11]:6444"
    asked = Config(addon=AddonFlags(kubeconfig=HERE, master_public_addr="edge.example.org"))
    assert announced.server(context(machine, asked)) == "https://edge.example.org:6443"


def test_the_range_of_services_is_what_the_api_server_says(machine: Machine) -> None:
    class Refusing:
        def differing(self, _objects: object) -> list[str]:
            raise ApiError("no", context="failed to allocate IP: The range of valid IPs is 10.32.0.0/24")

    assert announced.announced_services(context(machine, connect=Refusing)) == "10.32.0.0/24"
    assert announced.announced_services(context(machine)) == "10.96.0.0/12"


def test_the_domain_and_the_address_of_the_dns_are_the_clusters(machine: Machine) -> None:
    machine.cluster.objects["v1", "ConfigMap", "kube-system", "coredns"] = {
        "data": {"Corefile": ".:53 {\n    kubernetes site.example in-addr.arpa {\n    }\n}\n"}
    }
    machine.cluster.objects["v1", "Service", "kube-system", "dns"] = {
        "metadata": {"name": "dns", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"clusterIP": "10.96.0.53"},
    }
    assert announced.announced_domain(context(machine)) == "site.example"
    assert announced.dns_address(context(machine), "10.96.0.0/12") == "10.96.0.53"


def test_an_api_server_of_a_unit_gets_its_files_and_its_owner_the_flags(machine: Machine) -> None:
    run(machine)
    egress = yaml.safe_load(machine.host.files[CONFIG])["egressSelections"][0]["connection"]["transport"][
        "tcp"
    ]
    assert {egress["tlsConfig"][each] for each in ("caBundle", "clientCert", "clientKey")} <= set(
        machine.host.files
    )
    assert machine.host.modes[egress["tlsConfig"]["clientKey"]] == 0o600
    (step,) = manual_steps.steps(context(machine))
    assert f"--{FLAG}={CONFIG} --enable-aggregator-routing=true" in step
    serve(machine, f"--{FLAG}={CONFIG}")
    assert manual_steps.steps(context(machine)) == []
    listed = list(rows(context(machine)))
    assert {row.state for row in listed} == {"ok"}
    assert listed[-1].title == egress["tlsConfig"]["clientCert"]
    said: list[str] = []
    run(machine, CERTS, replace(OURS, addon=replace(OURS.addon, all_certificates=True)), warn=said.append)
    assert any("restart kube-apiserver" in each for each in said)


def test_detach_wants_the_flags_gone_first_then_takes_the_files_back(machine: Machine) -> None:
    run(machine)
    serve(machine, f"--{FLAG}={CONFIG}")
    with pytest.raises(EdgeadmError) as refused:
        run(machine, DETACH)
    assert (refused.value.code, f"--{FLAG}={CONFIG}" in refused.value.hint) == ("still-wired", True)
    serve(machine)
    run(machine, DETACH)
    assert [path for path in machine.host.files if path.startswith(FOLDER)] == []


def test_a_control_plane_that_a_provider_runs_gets_everything_else(machine: Machine) -> None:
    machine.host.answers["pgrep -x kube-apiserver"] = Result(code=1)
    run(machine)
    assert ("apps/v1", "Deployment", "edge-system", "tunnel-cloud") in machine.cluster.objects
    approver = machine.cluster.objects["apps/v1", "DaemonSet", "edge-system", "approver"]
    selector = approver["spec"]["template"]["spec"]["nodeSelector"]
    assert selector == {"superedge.io/node-cloud": "enable"}
    assert manual_steps.steps(context(machine)) == [manual_steps.NOT_HERE]
    assert CONFIG not in machine.host.files


def test_a_machine_without_containerd_is_given_no_images(machine: Machine) -> None:
    machine.host.files.pop("/usr/bin/containerd", None)
    run(machine)
    assert machine.images == {}
    machine.host.files["/usr/bin/containerd"] = b""
    machine.units["containerd"] = {"active"}
    run(machine)
    assert machine.images


@pytest.mark.parametrize(
    ("error", "flag"),
    [
        (TokenUnknownError("the cluster knows no token"), "--controllers=*,bootstrapsigner,tokencleaner"),
        (TokenRefusedError("the token is not accepted"), "--enable-bootstrap-token-auth=true"),
        (ApiError("shows its cluster-info to nobody"), "cluster-info to nobody"),
    ],
)
def test_what_keeps_machines_from_joining_is_tried_and_named(
    error: ApiError, flag: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(machine)
    asked: list[Ticket] = []

    def discover(ticket: Ticket) -> FakeOutside:
        asked.append(ticket)
        raise error

    before = set(machine.cluster.objects)
    monkeypatch.setattr(manual_steps, "SIGNING", 0.0)
    steps = manual_steps.steps(context(machine, discover=discover))
    assert flag in steps[0]
    assert asked[0].endpoint == "203.0.113.7:6443"
    assert set(machine.cluster.objects) == before


def test_a_later_run_goes_by_what_the_first_was_asked(machine: Machine) -> None:
    addon = AddonFlags(kubeconfig=HERE, master_public_addr="203.0.113.9")
    run(machine, config=Config(addon=addon, tunnel_port=30955, edge_image_repository="example.org/edge"))
    assert remembered(machine.cluster) == {
        "edge_virtual_addr": "169.254.20.11",
        "edge_version": "v0.9.0",
        "edge_image_repository": "example.org/edge",
        "tunnel_port": 30955,
        "edge_health_voters": "all",
        "service_group": "native",
        "master_public_addr": "203.0.113.9",
    }


def test_what_somebody_changed_is_shown_and_stays(machine: Machine) -> None:
    run(machine)
    key = ("apps/v1", "Deployment", "edge-system", "tunnel-cloud")
    machine.cluster.objects[key]["spec"]["strategy"]["type"] = "RollingUpdate"
    machine.cluster.foreign[key] = [".spec.strategy.type"]
    assert run(machine) == 0
    said: list[str] = []
    run(machine, config=replace(OURS, tunnel_port=30901), warn=said.append)
    assert machine.cluster.objects[key]["spec"]["strategy"]["type"] == "RollingUpdate"
    assert any("Deployment/edge-system/tunnel-cloud spec.strategy.type" in each for each in said)


def test_values_of_the_users_go_before_ours(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("tunnel:\n  tunnel_image: example.org/tunnel:mine\n")
    run(machine, config=replace(OURS, values=str(file)))
    pod = machine.cluster.objects["apps/v1", "Deployment", "edge-system", "tunnel-cloud"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["image"] == "example.org/tunnel:mine"
    file.write_text("tunnel:\n  tunnel_imag: x\n")
    with pytest.raises(ConfigError) as refused:
        run(machine, config=replace(OURS, values=str(file)))
    assert "`tunnel_image`" in refused.value.hint


def test_a_manifest_for_the_go_edgeadm_is_told_from_ours(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "tunnel-edge.yaml").write_text("kind: ConfigMap\nmetadata: {namespace: {{ .Namespace }}}\n")
    with pytest.raises(TemplateError) as refused:
        run(machine, config=replace(OURS, manifests_dir=str(tmp_path)))
    assert "edgeadm manifests" in refused.value.hint
