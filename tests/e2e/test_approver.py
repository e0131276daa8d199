"""The approver's policy: its own Go tests, with the toolchain that packages are built with."""

from __future__ import annotations

import pytest

from edgeadm.assets import install_pkgs
from edgeadm.hosts.process import execute
from edgeadm.package.builder.go import find_toolchain

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("command", [["vet"], ["test", "-count=1", "-v"]], ids=["vet", "test"])
def test_the_policy_lets_pass_what_it_should_and_nothing_else(command: list[str]) -> None:
    go = find_toolchain()
    env = {"GOROOT": str(go.root), "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    folder = install_pkgs() / "approver"
    done = execute([str(go.root / "bin" / "go"), *command, "./..."], env=env, cwd=folder)
    assert done.code == 0, done.out + done.err
    if command[0] == "test":
        assert done.out.count("--- PASS") > 20
