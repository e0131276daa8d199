"""A package, and names of images that differ from those in it: a further name, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import edgeadm, logs
from tests.machine import Machine
from tests.packed import IMAGES, VERSION

PACKAGE = ("--install-pkg-path", "P")
MIRROR = "superedge.tencentcloudcr.com/superedge"
MIRRORED = {
    f"{MIRROR}/{name.rpartition('/')[2]}" for name in IMAGES.values() if name.startswith("registry.k8s.io")
}
HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
OLDER = VERSION.rpartition(".")[0] + ".0"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def file(machine: Machine, text: str) -> tuple[str, str]:
    path = machine.folder / "edge.yaml"
    path.write_text(HEAD + text)
    return ("--config", str(path))


@pytest.mark.parametrize("by_flag", [True, False])
def test_images_get_the_names_of_the_other_registry(by_flag: bool, machine: Machine) -> None:
    flags = ("--image-repository", MIRROR) if by_flag else file(machine, f"imageRepository: {MIRROR}\n")
    ended = edgeadm(machine, "init", *flags, *PACKAGE)
    assert ended.status == 0, ended.err
    assert set(machine.images) == set(IMAGES.values()) | MIRRORED
    assert all("pinned=pinned" in labels for _, labels in machine.images.values())
    for name in MIRRORED:
        like = next(each for each in IMAGES.values() if each.endswith("/" + name.rpartition("/")[2]))
        assert machine.images[name][0] == machine.images[like][0]
    again = edgeadm(machine, "init", *flags, *PACKAGE)
    assert "0 changes" in again.err


@pytest.mark.parametrize("flags", [(), ("--local",), ("--local", "--label")], ids=["1.6", "1.7", "2"])
def test_each_release_of_ctr_gets_the_flags_that_it_has(flags: tuple[str, ...], machine: Machine) -> None:
    machine.import_flags = flags
    assert edgeadm(machine, "init", *PACKAGE).status == 0
    assert set(machine.images) == set(IMAGES.values())
    assert all("pinned=pinned" in labels for _, labels in machine.images.values())
    imports = [line for line in machine.host.ran if " images import --digests=false" in line]
    assert len(imports) == len(IMAGES)
    assert {word for line in imports for word in line.split() if word in ("--local", "--label")} == set(flags)


def test_a_name_that_was_lost_comes_back(machine: Machine) -> None:
    flags = ("--image-repository", MIRROR, *PACKAGE)
    edgeadm(machine, "init", *flags)
    del machine.images[f"{MIRROR}/kube-apiserver:{VERSION}"]
    rows = json.loads(edgeadm(machine, "init", "plan", *flags, "-o=json").out)["phases"]
    images = next(row for row in rows if row["phase"] == "images")
    assert images == {
        "phase": "images",
        "needed": True,
        "reason": f"to tag: {MIRROR}/kube-apiserver:{VERSION}",
    }
    assert edgeadm(machine, "init", *flags).status == 0
    assert f"{MIRROR}/kube-apiserver:{VERSION}" in machine.images


def test_reset_takes_the_names_off_a_containerd_of_the_machines_own(machine: Machine) -> None:
    machine.host.write("/usr/bin/containerd", b"theirs", 0o755)
    machine.units["containerd"] = {"active", "enabled"}
    theirs = f"{MIRROR}/etcd:3.6.5-0"
    machine.images[theirs] = ["sha256:theirs", "-"]
    assert edgeadm(machine, "init", "--image-repository", MIRROR, *PACKAGE).status == 0
    assert machine.images[theirs] == ["sha256:theirs", "-"], "an image of the user's own"
    assert f"{MIRROR}/pause:3.10.1" in machine.images
    ended = edgeadm(machine, "reset", "-f")
    assert ended.status == 0, ended.err
    assert machine.images == {theirs: ["sha256:theirs", "-"]}


@pytest.mark.parametrize("how", [(), ("plan",), ("--dry-run",), ("phase", "preflight")])
@pytest.mark.parametrize(
    ("text", "check", "said"),
    [
        (
            f"kubernetesVersion: {OLDER}\n",
            "KubernetesVersion",
            f"Kubernetes {OLDER} was requested, but the package contains {VERSION}",
        ),
        ("kubernetesVersion: stable-1.5\n", "KubernetesVersion", "Kubernetes stable-1.5 was requested"),
        (
            "dns: {imageTag: v0.0.1}\n",
            "ImagePull",
            f"coredns/coredns:v0.0.1 is required, but the package contains {IMAGES['images/coredns.tar']}",
        ),
        (
            f"imageRepository: {MIRROR}\netcd: {{local: {{imageTag: 0.0.1}}}}\n",
            "ImagePull",
            f"{MIRROR}/etcd:0.0.1 is required, but the package contains {IMAGES['images/etcd.tar']}",
        ),
    ],
)
def test_another_tag_is_refused_before_anything_changes(
    how: tuple[str, ...], text: str, check: str, said: str, machine: Machine
) -> None:
    flags = file(machine, text)
    before = dict(machine.host.files)
    ended = edgeadm(machine, "init", *how, *flags, *PACKAGE)
    assert ended.status == (0 if how == ("plan",) else 2)
    shown = ended.out if how == ("plan",) else ended.err
    assert check in shown
    assert said in shown
    assert (machine.host.files, machine.host.ran, machine.images, logs(machine)) == (before, [], {}, "")


def test_the_version_is_named_once_for_all_images(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "-o=json", *file(machine, f"kubernetesVersion: {OLDER}\n"), *PACKAGE)
    findings = json.loads(ended.out)["error"]["findings"]
    assert [each["name"] for each in findings] == ["KubernetesVersion"]
    assert "`kubernetesVersion` in the configuration file" in findings[0]["hint"]


def test_another_version_of_superedge_is_refused(machine: Machine) -> None:
    ended = edgeadm(machine, "init", "--edge-version", "v0.9.9", *PACKAGE)
    assert (ended.status, "tunnel:v0.9.9 is required" in ended.err, "`--edge-version`" in ended.err) == (
        2,
        True,
        True,
    )


def test_who_can_pull_the_image_says_so(machine: Machine) -> None:
    flags = (*file(machine, "dns: {imageTag: v0.0.1}\n"), "--ignore-preflight-errors=ImagePull")
    ended = edgeadm(machine, "init", *flags, *PACKAGE)
    assert ended.status == 0, ended.err
    assert "[WARNING ImagePull]" in ended.err


def test_an_image_that_the_machine_has_is_no_fault(machine: Machine) -> None:
    machine.images["registry.k8s.io/coredns/coredns:v0.0.1"] = ["sha256:mine", "-"]
    assert edgeadm(machine, "init", *file(machine, "dns: {imageTag: v0.0.1}\n"), *PACKAGE).status == 0


def test_a_label_becomes_the_packages_version(machine: Machine) -> None:
    assert edgeadm(machine, "init", *file(machine, "kubernetesVersion: stable\n"), *PACKAGE).status == 0
    assert f"kubernetesVersion: {VERSION}".encode() in machine.host.files["/etc/edgeadm/kubeadm.yaml"]


def test_addon_compares_as_well(machine: Machine) -> None:
    machine.make_control_plane()
    machine.host.write("/usr/bin/containerd", b"theirs", 0o755)
    words = ("addon", "edge-apps", *PACKAGE)
    before = dict(machine.cluster.objects)
    ended = edgeadm(machine, *words, "--edge-version=v0.9.9")
    assert (ended.status, "tunnel:v0.9.9 is required" in ended.err) == (2, True)
    assert (machine.cluster.objects, machine.images) == (before, {})
    assert edgeadm(machine, *words, "--edge-image-repository=r.example/edge").status == 0
    assert "r.example/edge/tunnel:v0.9.0" in machine.images


CONFIGURATION = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
INFO = "/api/v1/namespaces/edge-system/configmaps/edge-info"


def join(machine: Machine, *more: str) -> tuple[int, str]:
    pin = discovery_hash(authority()[0])
    words = ("10.0.0.11:6443", "--token", "abcdef.0123456789abcdef", "--discovery-token-ca-cert-hash", pin)
    ended = edgeadm(machine, "join", *words, *PACKAGE, *more)
    return ended.status, ended.err


def serve(machine: Machine, settings: str, *images: str) -> None:
    machine.api[CONFIGURATION] = {"data": {"ClusterConfiguration": settings}}
    if images:
        machine.api[INFO]["data"]["node-images"] = " ".join(images)


@pytest.mark.parametrize("more", [(), ("--enable-edge=false",)])
def test_a_node_that_joins_takes_the_clusters_names(more: tuple[str, ...], machine: Machine) -> None:
    serve(machine, f"imageRepository: {MIRROR}\nkubernetesVersion: {VERSION}\n")
    machine.api[INFO]["data"] |= {"edge-image-repository": "r.example", "edge-version": "v0.9.0"}
    assert join(machine, *more)[0] == 0
    names = {f"{MIRROR}/kube-proxy:{VERSION}", f"{MIRROR}/coredns:v1.12.1", "r.example/tunnel:v0.9.0"}
    assert names <= set(machine.images)


def test_an_edge_node_goes_by_what_the_cluster_publishes(machine: Machine) -> None:
    serve(machine, "kubernetesVersion: v1.99.0\n", f"r.example/kube-proxy:{VERSION}")
    status, said = join(machine)
    assert status == 0, said
    assert f"r.example/kube-proxy:{VERSION}" in machine.images


@pytest.mark.parametrize("published", [True, False])
def test_a_package_without_the_clusters_images_is_refused_at_once(published: bool, machine: Machine) -> None:
    name = "registry.k8s.io/kube-proxy:v1.99.0"
    serve(machine, "kubernetesVersion: v1.99.0\n", *([name] if published else []))
    before = dict(machine.host.files)
    status, said = join(machine)
    assert (
        status,
        f"{name} is required, but the package contains {IMAGES['images/kube-proxy.tar']}" in said,
    ) == (
        2,
        True,
    )
    assert machine.host.files.keys() - before.keys() <= {"/var/lib/edgeadm/journal.jsonl"}
    assert machine.images == {}
    assert join(machine, "--ignore-preflight-errors=ImagePull")[0] == 0


def test_a_cluster_that_kubeadm_did_not_make_says_nothing_of_its_images(machine: Machine) -> None:
    serve(machine, "kubernetesVersion: v1.99.0\n")
    machine.api[CONFIGURATION]["metadata"] = {"labels": {"app.kubernetes.io/managed-by": "edgeadm"}}
    status, said = join(machine, "--enable-edge=false")
    assert status == 0, said


def test_the_cluster_publishes_what_edge_nodes_run(machine: Machine) -> None:
    edgeadm(machine, "init", "--edge-image-repository", "r.example", *PACKAGE)
    info = machine.cluster.objects["v1", "ConfigMap", "edge-system", "edge-info"]["data"]
    found = info["node-images"].split()
    assert {"r.example/tunnel:v0.9.0", "r.example/edge-health:v0.9.0"} <= set(found)
    daemons = [
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for (_, kind, _, name), each in machine.cluster.objects.items()
        if kind == "DaemonSet" and name in ("edge-kube-proxy", "edge-coredns", "kube-flannel-ds-edge")
    ]
    assert len(daemons) >= 2
    assert set(daemons) <= set(found)


@pytest.mark.parametrize(("version", "status"), [(VERSION, 0), (OLDER, 2)])
def test_a_further_control_plane_needs_every_image_of_the_cluster(
    version: str, status: int, machine: Machine
) -> None:
    settings = (
        f"imageRepository: {MIRROR}\nkubernetesVersion: {version}\ncontrolPlaneEndpoint: 10.0.0.99:6443\n"
    )
    serve(machine, settings)
    machine.api["/api/v1/namespaces/kube-system/secrets/kubeadm-certs"] = {}
    ended, said = join(machine, "--control-plane", "--certificate-key", "0" * 64)
    assert ended == status, said
    if status:
        assert f"{MIRROR}/kube-apiserver:{version} is required" in said
    else:
        assert set(machine.images) >= MIRRORED
