"""The Go edgeadm's packages, through the same door."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.package import open_source, read_manifest, unpack, verify
from tests.unit.package.crafted import elf

NAME = "kube-linux-amd64-v1.22.6.tar.gz"


def tgz(files: dict[str, bytes], *, links: dict[str, str] | None = None, top: str = "./") -> bytes:
    """A tar.gz as `tar czf` makes it: folder entries, names that start with `./`."""
    out = io.BytesIO()
    # Made twice, it is the same: a gzip file holds the time at which it was made.
    packed = gzip.GzipFile(fileobj=out, mode="wb", mtime=0)
    with packed, tarfile.open(fileobj=packed, mode="w") as archive:
        folder = tarfile.TarInfo(top.rstrip("/") or ".")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for path, data in files.items():
            info = tarfile.TarInfo(top + path)
            info.size, info.mode = len(data), 0o755 if "yaml" not in path else 0o600
            archive.addfile(info, io.BytesIO(data))
        for path, target in (links or {}).items():
            info = tarfile.TarInfo(top + path)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return out.getvalue()


CNI = tgz({"bridge": b"bridge", "loopback": b"loopback"})
RUNTIME = tgz(
    {"containerd/containerd": b"c", "containerd/containerd-shim-runc-v2": b"s", "containerd/runc": b"r",
     "containerd/ctr": b"t", "containerd/install": b"#!/bin/sh", "containerd/conf/config.toml": b"x"}
)  # fmt: skip
FILES = {
    "edge-install/bin/conntrack": elf(62) + b"1",
    "edge-install/bin/kubectl": elf(62) + b"2",
    "edge-install/bin/kubelet": elf(62) + b"3",
    "edge-install/bin/lite-apiserver": elf(62) + b"4",
    "edge-install/cni/cni-plugins-linux-amd64-v0.8.3.tgz": CNI,
    "edge-install/container/containerd-1.4.3-linux-amd64.tgz": RUNTIME,
    "edge-install/container/docker-19.03-linux-amd64.tgz": tgz({"docker/dockerd": b"d"}),
    "edge-install/script/init-node.sh": b"#!/bin/sh",
    "edge-install/conf/kube-scheduler/kube-scheduler-config.yaml": b"x",
}


def opened(folder: Path, data: bytes, checksum: str | None = None) -> Path:
    """The package folder that upstream's archive becomes."""
    path = folder / NAME
    path.write_bytes(data)
    sha256 = checksum or hashlib.sha256(data).hexdigest()
    return open_source(f"{path}#sha256={sha256}", folder / "cache")


def test_it_becomes_a_package_folder_once(tmp_path: Path) -> None:
    folder = opened(tmp_path, tgz(FILES))
    stamp = (folder / "manifest.json").stat().st_mtime_ns
    assert opened(tmp_path, tgz(FILES)) in (folder, tmp_path / "cache" / folder.name)
    assert (folder / "manifest.json").stat().st_mtime_ns == stamp
    manifest = verify(folder, arch="amd64")
    assert (manifest.edgeadm, manifest.kubernetes, manifest.arch) == ("upstream", "v1.22.6", "amd64")
    assert manifest.images == ()


def test_its_files_get_kinds_and_roles(tmp_path: Path) -> None:
    manifest = read_manifest(opened(tmp_path, tgz(FILES)))
    found = {each.path: (each.kind, "worker" in each.roles) for each in manifest.files}
    assert found == {
        "bin/conntrack": ("program", True),
        "bin/containerd": ("program", True),
        "bin/containerd-shim-runc-v2": ("program", True),
        "bin/ctr": ("program", True),
        "bin/kubectl": ("program", True),
        "bin/kubelet": ("program", True),
        "bin/lite-apiserver": ("program", False),
        "bin/runc": ("program", True),
        "cni/bridge": ("cni-plugin", True),
        "cni/loopback": ("cni-plugin", True),
        "conf/kube-scheduler/kube-scheduler-config.yaml": ("other", True),
        "container/docker-19.03-linux-amd64.tgz": ("other", True),
        "script/init-node.sh": ("other", True),
    }


def test_it_unpacks_like_any_other_package(tmp_path: Path) -> None:
    folder = opened(tmp_path, tgz(FILES))
    unpack(folder, tmp_path / "out", wanted=lambda entry: entry.kind == "cni-plugin", arch="amd64")
    assert (tmp_path / "out" / "cni" / "bridge").read_bytes() == b"bridge"


CLIMBS = tgz({"../x": b""}, top="edge-install/")
REFUSED: list[tuple[str, bytes, str]] = [
    ("another archive", tgz({"src/main.go": b""}), "not-a-package"),
    ("no kubelet", tgz({"edge-install/bin/kubectl": b""}), "not-a-package"),
    ("a path that climbs", CLIMBS, "package-path"),
    ("an absolute path", tgz({"etc/passwd": b""}, top="/"), "package-path"),
    ("a link", tgz(FILES, links={"edge-install/bin/kubeadm": "/usr/bin/id"}), "package-entry-kind"),
    ("the same file twice", tgz(FILES | {"edge-install/bin/./runc": b"again"}), "package-path"),
    ("an inner archive that climbs",
     tgz(FILES | {"edge-install/cni/cni-plugins-x.tgz": tgz({"../../x": b""}, top="")}), "package-path"),
    ("an inner archive over a file",
     tgz(FILES | {"edge-install/bin/runc": b"first"}), "package-duplicate"),
    ("an archive that is cut off", tgz(FILES)[:-200], "package-truncated"),
    ("a damaged archive", tgz(FILES)[:60] + b"\0\0\0\0" + tgz(FILES)[64:], "package-damaged"),
    ("for another processor", tgz(FILES | {"edge-install/bin/kubelet": elf(183)}), "package-arch"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(EdgeadmError) as refused:
        verify(opened(tmp_path, data), arch="amd64")
    assert (refused.value.code, refused.value.exit_code) == (code, 6)
    assert not [path for path in tmp_path.glob("cache/*") if path.name.startswith(".")]


def test_without_a_checksum_it_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(tgz(FILES))
    with pytest.raises(EdgeadmError) as refused:
        open_source(str(path), tmp_path / "cache")
    assert refused.value.code == "package-checksum-missing"
    assert "#sha256=" in refused.value.hint
    assert not (tmp_path / "cache").exists()


def test_with_a_wrong_checksum_it_is_not_even_opened(tmp_path: Path) -> None:
    with pytest.raises(EdgeadmError) as refused:
        opened(tmp_path, tgz(FILES), checksum="0" * 64)
    assert refused.value.code == "package-checksum"
    assert not (tmp_path / "cache").exists()
