"""Writes the sets and the recipe of a Kubernetes version: `tools/new-minor v1.38.0`.

Everything is read from the Kubernetes module itself, as the Go proxy serves it: its staging modules from its
go.mod, the tags of etcd, CoreDNS and pause from kubeadm's constants.go. `go mod tidy` writes the sums. An
existing recipe is regenerated: the same version results in the same files.

Usage: new-minor VERSION [--root install-pkgs]"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goproxy import Go, find_go

from edgeadm.assets import install_pkgs
from edgeadm.package.builder import known_recipes

MODULE = "k8s.io/kubernetes"
ETCD = "go.etcd.io/etcd/server/v3"
PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
)
CONSTANTS = {"etcd": "DefaultEtcdVersion", "coredns": "CoreDNSVersion", "pause": "PauseVersion"}
TAGS = {
    "etcd": "registry.k8s.io/etcd",
    "coredns": "registry.k8s.io/coredns/coredns",
    "pause": "registry.k8s.io/pause",
}


@dataclass(frozen=True)
class Release:
    """What the module says of itself."""

    version: str
    go: str
    staging: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def minor(self) -> str:
        """v1.38.0 → 1.38."""
        return self.version.removeprefix("v").rpartition(".")[0]


def look(go: Go, version: str) -> Release:
    """The release as its module describes it."""
    source = go.source(MODULE, version)
    module: dict[str, Any] = json.loads(go.run(source, "mod", "edit", "-json"))
    replaced = (each for each in module["Replace"] if each["New"]["Path"].startswith("./staging"))
    constants = (source / "cmd/kubeadm/app/constants/constants.go").read_text(encoding="utf-8")
    return Release(
        version,
        module["Go"],
        tuple(sorted(each["Old"]["Path"] for each in replaced)),
        {name: _constant(constants, const) for name, const in CONSTANTS.items()},
    )


def _constant(text: str, name: str) -> str:
    found = re.search(rf'\b{name}\s*=\s*"([^"]+)"', text)
    if not found:
        sys.exit(f"error: constants.go does not say {name} any more")
    return found[1]


def write_kubernetes(go: Go, root: Path, release: Release, like: str) -> None:
    """The set of the release, its settings those of another one."""
    name = f"kubernetes-{release.minor}"
    staging = f"v0.{release.version.removeprefix('v1.')}"
    tools = "".join(f"\t{MODULE}/cmd/{each}\n" for each in PROGRAMS)
    replaces = "".join(f"\t{each} => {each} {staging}\n" for each in release.staging)
    head = f"require {MODULE} {release.version}\n\nreplace (\n{replaces})\n\ntool (\n{tools})\n"
    folder = root / "sets" / name
    _tidied(go, folder, release.go, head)
    old = like.removeprefix("v").rpartition(".")[0]
    text = (root / "sets" / f"kubernetes-{old}" / "set.toml").read_text(encoding="utf-8")
    text = text.replace(like, release.version)
    text = text.replace(f"gitMinor={old.partition('.')[2]}", f"gitMinor={release.minor.partition('.')[2]}")
    (folder / "set.toml").write_text(text, encoding="utf-8")


def etcd_set(go: Go, root: Path, release: Release) -> str:
    """The set of etcd's minor release; a new one has its newest patch."""
    minor = ".".join(release.tags["etcd"].split(".")[:2])
    name = f"sets/etcd-{minor}"
    if not (root / name).is_dir():
        version = [each for each in go.versions(ETCD) if each.startswith(f"v{minor}.")][-1]
        source = go.source(ETCD, version)
        wanted = json.loads(go.run(source, "mod", "edit", "-json"))["Go"]
        _tidied(go, root / name, wanted, f"tool {ETCD}\n\nrequire {ETCD} {version}\n")
        newest = sorted((root / "sets").glob("etcd-*/set.toml"))[-1].read_text(encoding="utf-8")
        text = re.sub(r"\d+\.\d+\.\d+", version.removeprefix("v"), newest)
        (root / name / "set.toml").write_text(text, encoding="utf-8")
        print(f"new: {name} {version}")
    return name


def _tidied(go: Go, folder: Path, version: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.sum").unlink(missing_ok=True)
    (folder / "go.mod").write_text(
        f"module edgeadm/{folder.name}\n\ngo {version}\n\n{text}", encoding="utf-8"
    )
    go.run(folder, "mod", "tidy")


def write_recipe(root: Path, release: Release, like: str, etcd: str) -> None:
    """The recipe: another one's, with this release's sets and tags. The default recipe stays the default."""
    target = root / "recipes" / f"{release.version}.toml"
    default = target.is_file() and "\ndefault = true\n" in target.read_text(encoding="utf-8")
    text = (root / "recipes" / f"{like}.toml").read_text(encoding="utf-8").replace(like, release.version)
    text = re.sub(r"(?m)^# The version that is built.*\ndefault = true\n", "", text)
    if default:
        text = text.replace("\n\n[sets]", f"\n{DEFAULT}\n\n[sets]", 1)
    text = re.sub(r'(?m)^kubernetes = "sets/.*"$', f'kubernetes = "sets/kubernetes-{release.minor}"', text)
    text = re.sub(r'(?m)^etcd = ".*"$', f'etcd = "{etcd}"', text)
    for name, image in TAGS.items():
        text = re.sub(rf'(?m)^"{re.escape(image)}" = ".*"$', f'"{image}" = "{release.tags[name]}"', text)
    target.write_text(text, encoding="utf-8")


DEFAULT = """\
# The version that is built, tested and documented if none is named. One recipe says so.
default = true"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="new-minor", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", metavar="VERSION", help="such as v1.38.0")
    parser.add_argument("--root", type=Path, default=install_pkgs(), help="the folder of sets and recipes")
    asked = parser.parse_args()
    if not re.fullmatch(r"v1\.\d+\.\d+", asked.version):
        parser.error(f"`{asked.version}` is not a release such as v1.38.0")
    go, root = find_go(), asked.root
    release = look(go, asked.version)
    others = [each for each in known_recipes(root) if each.rpartition(".")[0] != f"v{release.minor}"]
    like = ([each for each in others if _order(each) < _order(asked.version)] or others)[-1]
    write_kubernetes(go, root, release, like)
    write_recipe(root, release, like, etcd_set(go, root, release))
    print(f"recipes/{release.version}.toml, made from {like}; kubeadm asks for {dict(release.tags)}")
    print(f"built with go {release.go}, the toolchain here is {go.version}")
    print("by hand: docs/reference/versions.md says what else belongs to a new version")


def _order(version: str) -> list[int]:
    return [int(part) for part in version.removeprefix("v").split(".")]


if __name__ == "__main__":
    main()
