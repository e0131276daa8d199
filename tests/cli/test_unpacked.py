"""The package of a failed run: read only after all other checks, its unpacked files removed if nothing was
changed yet, else kept for the next run."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path, PosixPath
from typing import Any, ClassVar

import pytest

from edgeadm.cluster.errors import WrongCaError
from edgeadm.core.journal import PATH
from edgeadm.hosts import Result
from edgeadm.package.errors import PackageDamagedError
from edgeadm.package.manifest import Manifest
from edgeadm.package.opened import OpenPackage, Say, quiet
from edgeadm.package.write import Input, write_package
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import edgeadm
from tests.machine import Machine
from tests.packed import Unpacked

PIN = discovery_hash(authority()[0])
JOIN = ("10.0.0.11:6443", "--token", "abcdef.0123456789abcdef", "--discovery-token-ca-cert-hash", PIN)
PACKAGE = ("--install-pkg-path", "/mnt/package")
MIB = 1 << 20
PADDING_MIB = 8  # random bytes in one image, so that the package is much larger than a read buffer


@dataclass(frozen=True)
class Watched(Unpacked):
    """A package that notes each removal of its unpacked files."""

    removals: list[str] = field(default_factory=list)

    def close(self) -> None:
        self.removals.append("removed")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    package = found.package
    assert package is not None
    found.package = Watched(**{each.name: getattr(package, each.name) for each in fields(package)})
    return found


def removals(machine: Machine) -> list[str]:
    assert isinstance(machine.package, Watched)
    return machine.package.removals


def join(machine: Machine) -> int:
    return edgeadm(machine, "join", *JOIN, *PACKAGE).status


def take_its_name(machine: Machine) -> None:
    """Another node of that name is alive: `discover` refuses the join."""
    machine.api["/api/v1/nodes/cp1"] = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def test_a_refusal_after_preflight_removes_it(machine: Machine) -> None:
    take_its_name(machine)
    assert join(machine) != 0
    assert PATH not in machine.host.files
    assert removals(machine) == ["removed"]


def test_a_failure_after_the_first_change_keeps_it_for_the_next_run(machine: Machine) -> None:
    machine.host.answers["kubeadm join"] = Result(code=1, err="it did not work")
    assert join(machine) != 0
    assert PATH in machine.host.files
    assert removals(machine) == []


class CountedFile(io.FileIO):
    """A file that adds the bytes read from it to `total`."""

    total: ClassVar[dict[str, int]] = {}

    def readinto(self, buffer: Any, /) -> int | None:
        count = super().readinto(buffer)
        self.total[str(self.name)] = self.total.get(str(self.name), 0) + (count or 0)
        return count


class CountedPath(PosixPath):
    """A path whose file counts the bytes read from it."""

    def open(self, mode: str = "r", buffering: int = -1, *_more: Any, **_named: Any) -> Any:
        return io.BufferedReader(CountedFile(str(self), mode), buffering)

    def bytes_read(self) -> int:
        return CountedFile.total.get(str(self), 0)


def packed_file(machine: Machine, folder: Path) -> tuple[CountedPath, Manifest]:
    """The package of the machine as a real package file, with padding in its last image."""
    package = machine.package
    assert package is not None
    last = package.private / "images/tunnel.tar"
    last.write_bytes(os.urandom(PADDING_MIB * MIB))
    manifest = package.manifest
    inputs = [
        Input(package.private / each.path, each.path, each.roles, each.kind, each.mode)
        for each in manifest.files
    ]
    target = folder / "package.tar.zst"
    written = write_package(
        target, inputs, edgeadm="0", kubernetes=manifest.kubernetes, arch="amd64", images=manifest.images
    )
    return CountedPath(target), written


@pytest.fixture
def real(tmp_path: Path) -> Machine:
    """A machine with a real package file, which counts the bytes read from it."""
    found = Machine(tmp_path)
    path, manifest = packed_file(found, tmp_path)
    found.package = OpenPackage(path, manifest, "edge", tmp_path / "private")
    return found


def bytes_read(machine: Machine) -> int:
    assert machine.package is not None
    path = machine.package.path
    assert isinstance(path, CountedPath)
    return path.bytes_read()


def is_unpacked(machine: Machine) -> bool:
    assert machine.package is not None
    return machine.package.private.exists()


def other_pin(machine: Machine) -> None:
    """`discover` rejects the cluster, as if the hash were wrong."""
    machine.outside = rejected  # type: ignore[method-assign]


def rejected() -> Any:
    raise WrongCaError("the cluster's CA does not match the hash", hint="copy the hash again")


OBSTACLES = {"name": take_its_name, "hash": other_pin}


@pytest.mark.parametrize("name", OBSTACLES)
def test_join_reads_nothing_of_the_package_before_it_has_verified_the_cluster(
    name: str, real: Machine
) -> None:
    OBSTACLES[name](real)
    before = dict(real.host.files)
    assert join(real) != 0
    assert (bytes_read(real), is_unpacked(real), real.host.files) == (0, False, before)


def test_init_reads_nothing_of_the_package_if_another_check_failed(real: Machine) -> None:
    real.host.files["/proc/swaps"] = b"Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n"
    ended = edgeadm(real, "init", *PACKAGE)
    assert (ended.status, "[ERROR Swap]" in ended.err) == (2, True)
    assert (bytes_read(real), is_unpacked(real)) == (0, False)


def damage(machine: Machine) -> None:
    """Another byte near the end of the package file."""
    assert machine.package is not None
    with Path(machine.package.path).open("r+b") as file:
        file.seek(-MIB, os.SEEK_END)
        (byte,) = file.read(1)
        file.seek(-MIB, os.SEEK_END)
        file.write(bytes([byte ^ 255]))


@pytest.mark.parametrize("verb", [("init",), ("join", *JOIN)], ids=["init", "join"])
def test_a_damaged_package_leaves_the_host_unchanged(verb: tuple[str, ...], real: Machine) -> None:
    damage(real)
    real.reached = ("https://kubernetes.default:6443", "203.0.113.7")  # would add a line to /etc/hosts
    before = dict(real.host.files)
    ended = edgeadm(real, *verb, *PACKAGE, "-o", "json")
    error = json.loads(ended.out)["error"]
    assert (error["code"], ended.status) == ("package-file-altered", 6)
    assert bytes_read(real) > PADDING_MIB // 2 * MIB
    assert (real.host.files, is_unpacked(real)) == (before, False)


@pytest.mark.parametrize("verb", [("init",), ("join", *JOIN)], ids=["init", "join"])
def test_plan_lists_a_damaged_package_among_the_preflight_errors(
    verb: tuple[str, ...], real: Machine
) -> None:
    damage(real)
    name, *words = verb
    planned = json.loads(edgeadm(real, name, "plan", *words, *PACKAGE, "-o", "json").out)
    assert [each["name"] for each in planned["errors"]] == ["Package"]
    assert not is_unpacked(real)


@dataclass(frozen=True)
class Damaged(Unpacked):
    """A package that does not match its manifest, whose files are complete enough to continue."""

    def check(self, say: Say = quiet, *, room: bool = True) -> None:
        raise PackageDamagedError("bin/kubelet differs from the manifest", hint="download it again")


def test_the_check_of_the_content_can_be_waived(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    package = machine.package
    assert package is not None
    machine.package = Damaged(**{each.name: getattr(package, each.name) for each in fields(package)})
    assert join(machine) == PackageDamagedError.exit_code
    ended = edgeadm(machine, "join", *JOIN, *PACKAGE, "--ignore-preflight-errors=Package")
    assert (ended.status, "[WARNING Package]: bin/kubelet differs" in ended.err) == (0, True)
