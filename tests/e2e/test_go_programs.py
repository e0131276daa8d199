"""edgeadm's Go programs: their own tests, with the toolchain of package builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.assets import cache_root, install_pkgs
from edgeadm.errors import EdgeadmError
from edgeadm.hosts.process import execute
from edgeadm.package.builder.go import build_set, find_toolchain, set_folder
from edgeadm.package.builder.recipe import Extra, ModuleSet
from edgeadm.package.machine import this_arch
from tests.e2e.release import RECIPE

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def cni_set() -> Path:
    """The plugins of the package, host-local among them: what edge-ipam does is shown with the real one."""
    each, go = RECIPE.sets["cni"], find_toolchain()
    folder = set_folder(each, go, this_arch(), cache_root())
    build_set(each, go, this_arch(), folder)
    return folder


@pytest.mark.parametrize("command", [["vet"], ["test", "-count=1", "-v"]], ids=["vet", "test"])
def test_they_do_what_they_should_and_nothing_else(command: list[str], cni_set: Path) -> None:
    go = find_toolchain()
    env = {"GOROOT": str(go.root), "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    env["EDGEADM_CNI_SET"] = str(cni_set)
    folder = install_pkgs() / "own"
    done = execute([str(go.root / "bin" / "go"), *command, "./..."], env=env, cwd=folder)
    assert done.code == 0, done.out + done.err
    if command[0] == "test":
        assert done.out.count("--- PASS") > 190
        assert done.out.count("ok  \t") > 12


def test_files_of_a_module_are_laid_beside_its_programs(tmp_path: Path) -> None:
    source, go, arch = tmp_path / "set", find_toolchain(), this_arch()
    (source / "deep" / "manifests").mkdir(parents=True)
    (source / "deep" / "manifests" / "a.yaml").write_text("kind: A")
    (source / "main.go").write_text("package main\n\nfunc main() {}\n")
    (source / "go.mod").write_text("module example.org/small\n\ngo 1.24.0\n")
    (source / "go.sum").write_text("")
    manifests = Extra("manifests", "example.org/small", "deep/manifests")
    plain = ModuleSet("small", source, "example.org/small", "v1", packages=(".",), sources=("main.go",))
    each = replace(plain, extras=(manifests,))
    folder = set_folder(each, go, arch, tmp_path)
    assert folder != set_folder(plain, go, arch, tmp_path)
    build_set(each, go, arch, folder)
    assert (folder / "manifests" / "a.yaml").read_text() == "kind: A"
    gone = replace(each, extras=(replace(manifests, folder="nowhere"),))
    with pytest.raises(EdgeadmError, match="has no directory nowhere"):
        build_set(gone, go, arch, set_folder(gone, go, arch, tmp_path))
