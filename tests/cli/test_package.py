"""`edgeadm package` as people and programs see it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.package.support import said_of_support
from tests.unit.package.crafted import about, entry, manifest, member, pack, true_package


def edgeadm(*args: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command line."""
    with CliRunner().isolation() as (out, err, _):
        status = run(root, list(args))
        return status, out.getvalue().decode(), err.getvalue().decode()


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / "package.tar.zst"
    true_package(path, tmp_path / "source")
    return str(path)


def test_verify_says_what_was_compared(package: str) -> None:
    status, out, err = edgeadm("package", "verify", package)
    today = datetime.now(UTC).date()
    ended = said_of_support("v1.34.4", today) if today > date(2026, 10, 27) else ""
    assert (status, err) == (0, f"warning: {ended}\n" if ended else "")
    assert out == f"{package}: 6 files, 0 MiB, all match the manifest\n"


def test_verify_speaks_json(package: str) -> None:
    status, out, _ = edgeadm("package", "verify", package, "--arch", "amd64", "-o", "json")
    assert status == 0
    assert json.loads(out) == {
        "package": package,
        "verified": True,
        "schema": 1,
        "edgeadm": "0.1.0",
        "kubernetes": "v1.34.4",
        "supportedUntil": "2026-10-27",
        "arch": "amd64",
        "files": 6,
        "images": 1,
        "bytes": 498506,
    }


def test_list_shows_components_images_and_files(package: str) -> None:
    status, out, _ = edgeadm("package", "list", package)
    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "Kubernetes v1.34.4 (supported until 2026-10-27), amd64",
        "built by edgeadm 0.1.0, schema 1",
        "",
        "runc v1.3.3",
        "",
        f"registry.k8s.io/pause:3.10.1 control-plane,worker,edge sha256:{'0' * 64}",
        "",
        "bin/kubeadm control-plane,worker,edge 0.0 MiB",
        "bin/kubelet control-plane,worker,edge 0.5 MiB",
        "cni/bridge edge 0.0 MiB",
        "images/pause.tar control-plane,worker,edge 0.0 MiB",
        "edgeadm/ (2 files) control-plane,worker,edge 0.0 MiB",
    ]


def test_list_shows_a_folder_of_tools_as_one_line(tmp_path: Path) -> None:
    contents = {"bin/a": b"a", "tools/vip/a": b"a", "tools/vip/b": b"b", "tools/other/c": b"c"}
    true_package(tmp_path / "package.tar.zst", tmp_path / "source", contents)
    status, out, _ = edgeadm("package", "list", str(tmp_path / "package.tar.zst"))
    assert status == 0
    paths = [line.partition("  ")[0] for line in out.splitlines()]
    assert paths[-4:] == ["bin/a", "edgeadm/ (1 files)", "tools/other/ (1 files)", "tools/vip/ (2 files)"]


def test_list_as_json_is_the_manifest(package: str) -> None:
    status, out, _ = edgeadm("package", "list", package, "-o", "json")
    shown = json.loads(out)
    assert status == 0
    assert list(shown) == ["schema", "edgeadm", "kubernetes", "arch", "components", "images", "files"]
    assert shown["files"][0] == {
        "path": "bin/kubeadm",
        "roles": ["control-plane", "worker", "edge"],
        "kind": "program",
        "size": 7000,
        "mode": "0755",
        "sha256": hashlib.sha256(b"kubeadm" * 1000).hexdigest(),
    }


BAD: list[tuple[str, list[str], str, int]] = [
    ("verify what does not exist", ["verify", "/nowhere/package.tar.zst"], "package-not-found", 6),
    ("list what does not exist", ["list", "/nowhere/package.tar.zst"], "package-not-found", 6),
    ("verify a folder that is none", ["verify", "."], "not-a-package", 6),
    ("verify something by s3", ["verify", "s3://bucket/package"], "package-source", 6),
    ("verify with half a checksum", ["verify", "x#sha256=12"], "package-source", 6),
    ("verify with another checksum", ["verify", f"good#sha256={'0' * 64}"], "package-checksum", 6),
    ("verify for another processor", ["verify", "good", "--arch", "arm64"], "package-arch", 6),
    ("verify a changed file", ["verify", "changed"], "package-file-altered", 6),
    ("list a newer schema", ["list", "newer"], "package-schema", 6),
    ("build an unknown version", ["build", "--kubernetes", "v1.2.3"], "unknown-recipe", 3),
    ("build for a processor that we cannot", ["build", "--kubernetes", "v1.34.4", "--arch", "riscv64"],
     "cross-build-unsupported", 3),
    ("build a file named json", ["build", "--kubernetes", "v1.34.4", "-o", "json"], "usage", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "code", "status"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_input_has_a_code_a_hint_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: str, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").write_bytes(pack(about(manifest(entry("bin/a"))), member("bin/a")))
    (tmp_path / "changed").write_bytes(pack(about(manifest(entry("bin/a"))), member("bin/a", b"y")))
    (tmp_path / "newer").write_bytes(pack(about(manifest(schema=99))))
    before = sorted(tmp_path.iterdir())
    ended, out, err = edgeadm("package", *args)
    assert ended == status
    assert out == "" or json.loads(out)["error"]["code"] == code
    assert f"[{code}]" in err
    assert "\nhint: " in err
    assert sorted(tmp_path.iterdir()) == before
