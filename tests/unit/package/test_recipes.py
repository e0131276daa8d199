"""The recipes that ship, and recipes that do not fit together."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.assets import install_pkgs
from edgeadm.config import Config
from edgeadm.errors import EdgeadmError
from edgeadm.package.builder import default_kubernetes, known_recipes, load_recipe
from edgeadm.package.builder.recipe import ModuleSet
from edgeadm.phases.cni import FLANNEL_IMAGE

VERSIONS = known_recipes()
DEFAULT = default_kubernetes()
# What `kubeadm config images list` of each version prints.
KUBEADM_IMAGES = {
    "v1.34.4": ["coredns/coredns:v1.12.1", "pause:3.10.1", "etcd:3.6.5-0"],
    "v1.35.4": ["coredns/coredns:v1.13.1", "pause:3.10.1", "etcd:3.6.6-0"],
    "v1.36.3": ["coredns/coredns:v1.14.2", "pause:3.10.2", "etcd:3.6.8-0"],
    "v1.37.2": ["coredns/coredns:v1.14.6", "pause:3.10.2", "etcd:3.7.0-0"],
}
CORE = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"]
# They use no modules.
OURS = ("pause", "approver", "vip-members", "edge-node", "service-group")
SETS = [
    pytest.param(each, id=f"{version} {name}")
    for version in VERSIONS
    for name, each in load_recipe(version).sets.items()
]


def test_the_recipes_that_ship_are_listed_oldest_first() -> None:
    assert list(KUBEADM_IMAGES) == VERSIONS
    assert DEFAULT in VERSIONS


@pytest.mark.parametrize(("old", "new"), [("true", "false"), ("default = true", "")])
def test_exactly_one_recipe_is_the_default(tmp_path: Path, old: str, new: str) -> None:
    root = _copied(tmp_path, old, new)
    with pytest.raises(EdgeadmError, match="exactly one recipe must contain"):
        default_kubernetes(root)
    shutil.copy(root / "recipes" / f"{VERSIONS[0]}.toml", root / "recipes" / "v1.99.0.toml")
    for each in (root / "recipes").iterdir():
        each.write_text(f"default = true\n{each.read_text().replace('default =', '# default =')}")
    with pytest.raises(EdgeadmError, match="found v1"):
        default_kubernetes(root)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recipe_has_the_images_that_its_kubeadm_names(version: str) -> None:
    wanted = [f"{name}:{version}" for name in CORE] + KUBEADM_IMAGES[version]
    names = [each.name for each in load_recipe(version).images]
    assert {f"registry.k8s.io/{name}" for name in wanted} <= set(names)
    assert len({each.file for each in load_recipe(version).images}) == len(names)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_role_gets_what_a_node_needs(version: str) -> None:
    recipe = load_recipe(version)
    for role in ("control-plane", "worker", "edge"):
        programs = {name for part in recipe.programs if role in part.roles for name in part.names}
        assert {"kubeadm", "kubelet", "containerd", "containerd-shim-runc-v2", "ctr", "runc"} <= programs
        assert ("lite-apiserver" in programs) == (role == "edge")
        plugins = {name for part in recipe.plugins if role in part.roles for name in part.names}
        assert {"bridge", "flannel", "host-local", "loopback", "portmap"} <= plugins
        assert ("edge-ipam" in plugins) == (role == "edge")
        images = " ".join(each.name for each in recipe.images if role in each.roles)
        assert all(name in images for name in ("/pause:", "/kube-proxy:", "/flannel:"))
        assert ("/kube-apiserver:" in images) == (role == "control-plane")
        tools = {(part.folder, name) for part in recipe.tools if role in part.roles for name in part.names}
        holders = {("vip", name) for name in ("keepalived", "haproxy", "vip-members")}
        own = {"control-plane": holders, "edge": {("edge", "nft")}}.get(role, set())
        assert tools == {("net", "xtables-nft-multi"), *own}


@pytest.mark.parametrize("version", VERSIONS)
def test_etcd_is_of_the_minor_release_that_kubeadm_names(version: str) -> None:
    (tag,) = (each.partition(":")[2] for each in KUBEADM_IMAGES[version] if each.startswith("etcd:"))
    assert load_recipe(version).sets["etcd"].version.startswith(f"v{tag.rpartition('.')[0]}.")


def test_images_that_are_named_without_a_package_are_those_of_the_default_recipe() -> None:
    names = {each.name for each in load_recipe(DEFAULT).images}
    assert FLANNEL_IMAGE in names
    assert f"superedge.tencentcloudcr.com/superedge/edge-health:{Config().edge_version}" in names


def test_debians_packages_have_the_names_of_their_programs_or_those_that_are_given() -> None:
    tools = {each.names: each.debian for each in load_recipe(DEFAULT).tools if not each.set}
    assert tools == {
        ("keepalived", "haproxy"): ("keepalived", "haproxy"),
        ("nft",): ("nftables",),
        ("xtables-nft-multi",): ("iptables",),
    }


def test_the_grid_controller_has_its_definitions() -> None:
    (image,) = (each for each in load_recipe(DEFAULT).images if "grid-controller" in each.name)
    assert [name for name, _ in image.extras] == [
        each.name for each in load_recipe(DEFAULT).sets["superedge"].extras
    ]


@pytest.mark.parametrize("each", SETS)
def test_a_set_pins_the_version_that_it_names(each: ModuleSet) -> None:
    go_mod = (each.root / "go.mod").read_text()
    required = re.findall(r"^\s*(?:require )?(\S+) (v\S+)", go_mod, re.MULTILINE)
    if each.name not in OURS:
        assert each.version in {version for _, version in required}
        assert (each.root / "go.sum").read_text().count("\n") > 20
    assert "\nreplace" not in go_mod or all("=> k8s.io/" in line for line in _replaced(go_mod))
    assert all(each.version.removeprefix("v") in stamp for stamp in each.stamps if "ersion=" in stamp)


@pytest.mark.parametrize("name", OURS)
def test_the_inputs_of_our_programs_are_the_files_that_they_import(name: str) -> None:
    """If a file is missing, the cache returns the old result after a change of it. A file that is not
    imported would cause builds that change nothing."""
    each = load_recipe(DEFAULT).sets[name]
    files = {path for path in each.inputs() if path.endswith(".go")}
    assert files == _imported(each.root, [package.removeprefix("./") for package in each.packages])
    assert set(each.inputs()) - files == {"go.mod", "go.sum"}


def test_all_our_programs_are_of_one_module_and_every_package_is_used() -> None:
    sets = [load_recipe(DEFAULT).sets[name] for name in OURS]
    (root,) = {each.root for each in sets}
    files = {path.relative_to(root).as_posix() for path in root.rglob("*.go")}
    used = {path for each in sets for path in each.inputs()}
    assert {path for path in files if not path.endswith("_test.go")} <= used


def test_a_source_without_files_is_an_error() -> None:
    each = replace(load_recipe(DEFAULT).sets["pause"], sources=("cmd/pause/*.go", "internal/gone/*.go"))
    with pytest.raises(EdgeadmError, match="no file matches the source `internal/gone/") as refused:
        each.inputs()
    assert refused.value.code == "recipe"


@pytest.mark.parametrize("name", [DEFAULT, DEFAULT.removeprefix("v")])
def test_versions_are_taken_with_and_without_their_letter(name: str) -> None:
    assert load_recipe(name).kubernetes == DEFAULT


@pytest.mark.parametrize("name", ["v1.29.6", "latest", "", "../layout", "v1.34"])
def test_an_unknown_version_names_the_known_ones(name: str) -> None:
    with pytest.raises(EdgeadmError) as refused:
        load_recipe(name)
    assert (refused.value.code, refused.value.exit_code) == ("unknown-recipe", 3)
    assert ", ".join(VERSIONS) in refused.value.hint


def test_one_line_of_a_recipe_takes_the_edge_images_in_or_not(tmp_path: Path) -> None:
    root = _copied(tmp_path, 'groups = ["core", "edge"]', 'groups = ["core"]')
    without = {each.name for each in load_recipe(DEFAULT, root).images}
    names = {each.name for each in load_recipe(DEFAULT).images}
    for name in ("tunnel", "application-grid-controller", "application-grid-wrapper", "edge-health"):
        assert f"superedge.tencentcloudcr.com/superedge/{name}:v0.9.0" in names - without


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('runc = "sets/runc"\n', ""),
        ('"sets/runc"', '"sets/nowhere"'),
        ("[sets]", "[sets"),
        (f'kubernetes = "{DEFAULT}"\n', ""),
    ],
    ids=["a set that is missing", "a folder that is missing", "no TOML", "no version"],
)
def test_a_recipe_that_does_not_fit_together(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(EdgeadmError) as refused:
        load_recipe(DEFAULT, _copied(tmp_path, old, new))
    assert refused.value.code == "recipe"


def _copied(folder: Path, old: str, new: str) -> Path:
    root = folder / "install-pkgs"
    shutil.copytree(install_pkgs(), root)
    recipe = root / "recipes" / f"{DEFAULT}.toml"
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new, 1))
    return root


def _replaced(go_mod: str) -> list[str]:
    return [line for line in go_mod.splitlines() if "=>" in line]


def _imported(root: Path, packages: list[str]) -> set[str]:
    """The Go files of these packages and of all packages of the same module that they import."""
    (module,) = re.findall(r"^module (\S+)$", (root / "go.mod").read_text(), re.MULTILINE)
    files: set[str] = set()
    seen: set[str] = set()
    while packages:
        package = packages.pop()
        if package in seen:
            continue
        seen.add(package)
        for path in (root / package).glob("*.go"):
            if not path.name.endswith("_test.go"):
                files.add(path.relative_to(root).as_posix())
                packages += re.findall(rf'^\s+"{module}/(\S+)"$', path.read_text(), re.MULTILINE)
    return files
