"""Packages put together by hand: true ones, and ones that must be refused."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zstandard

from edgeadm.package.manifest import ROLES, ImageEntry, Manifest
from edgeadm.package.write import Input, write_package

Member = tuple[tarfile.TarInfo, bytes]

CONTENTS = {
    "bin/kubeadm": b"kubeadm" * 1000,
    "bin/kubelet": b"kubelet" * 70_000,
    "cni/bridge": b"bridge",
    "edgeadm/edgeadm": b"",
    "images/pause.tar": b"pause" * 300,
}
KINDS = {"bin": "program", "tools": "tool", "cni": "cni-plugin", "edgeadm": "edgeadm", "images": "image"}


def elf(machine: int) -> bytes:
    """The beginning of an ELF program for a machine: 62 is amd64, 183 arm64."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, machine) + bytes(44)


def true_package(target: Path, source: Path, contents: dict[str, bytes] | None = None) -> Manifest:
    """A true package, made by the writer. `edgeadm/link` is a link to `edgeadm/edgeadm`."""
    inputs = []
    for path, data in (contents or CONTENTS).items():
        at = source / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)
        roles = ("edge",) if path == "cni/bridge" else ROLES
        inputs.append(Input(at, path, roles, KINDS[path.split("/")[0]], 0o755))
    link = source / "edgeadm" / "link"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("edgeadm")
    inputs.append(Input(link, "edgeadm/link", ROLES, "edgeadm"))
    image = ImageEntry("registry.k8s.io/pause:3.10.1", "images/pause.tar", "sha256:" + "0" * 64, ROLES)
    return write_package(
        target,
        inputs,
        edgeadm="0.1.0",
        kubernetes="v1.34.4",
        arch="amd64",
        images=[image] if "images/pause.tar" in (contents or CONTENTS) else [],
        components={"runc": "v1.3.3"},
    )


def entry(path: str, data: bytes = b"x", **changes: Any) -> dict[str, Any]:
    """A file of a manifest, as JSON values."""
    fields = {
        "path": path,
        "roles": ["worker"],
        "kind": "program",
        "size": len(data),
        "mode": "0755",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return fields | changes


def link_entry(path: str, target: str) -> dict[str, Any]:
    """A link of a manifest, as JSON values."""
    return entry(path, size=0, sha256="", mode="0777", target=target)


def manifest(*files: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A manifest as JSON values."""
    fields = {
        "schema": 1,
        "edgeadm": "0.1.0",
        "kubernetes": "v1.34.4",
        "arch": "amd64",
        "components": {},
        "images": [],
        "files": list(files),
    }
    return fields | changes


def member(path: str, data: bytes = b"x", *, kind: bytes = tarfile.REGTYPE, target: str = "") -> Member:
    """An entry of the archive."""
    info = tarfile.TarInfo(path)
    info.mode, info.type, info.linkname = 0o755, kind, target
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data if kind == tarfile.REGTYPE else b""


def about(value: Any) -> Member:
    """The member manifest.json with this value, or with these bytes."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return member("manifest.json", data)


def tar(*members: Member) -> bytes:
    """An archive with these members and the two blocks that end it."""
    out = io.BytesIO()
    for info, data in members:
        out.write(info.tobuf(tarfile.USTAR_FORMAT))
        out.write(data + bytes(-len(data) % 512))
    return out.getvalue() + bytes(1024)


def pack(*members: Member, change: Callable[[bytes], bytes] = bytes) -> bytes:
    """A package file with these members; `change` may spoil the archive inside."""
    return zstd(change(tar(*members)))


def zstd(data: bytes) -> bytes:
    """Compressed as packages are."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data)
