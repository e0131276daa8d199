"""The manifest of a package: its first member, `manifest.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeadm.package.errors import PackageManifestError, PackageManifestSizeError, PackageSchemaError
from edgeadm.package.safety import check_tree

NAME = "manifest.json"
SCHEMA = 1
# A real manifest has a few thousand entries of about 200 bytes.
MAX_BYTES = 16 << 20
CONTROL_PLANE, WORKER, EDGE = "control-plane", "worker", "edge"
ROLES = (CONTROL_PLANE, WORKER, EDGE)
KINDS = ("program", "tool", "cni-plugin", "image", "edgeadm", "other")
# The parent of the tools' directories in a package, and on a node.
TOOLS = "tools"
TOOLS_ON_NODE = "/usr/lib/edgeadm"
# The directory of programs that a node calls by name, unless it has its own.
CALLED_BY_NAME = "net"
FILTERS = tuple(
    f"{family}{verb}" for family in ("iptables", "ip6tables") for verb in ("", "-save", "-restore")
)
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FileEntry:
    """One file: `size` in bytes, `mode` the permission bits; `target` is set for a symbolic link."""

    path: str
    roles: tuple[str, ...]
    kind: str
    size: int
    mode: int
    sha256: str
    target: str = ""


@dataclass(frozen=True)
class ImageEntry:
    """A container image: its full name, its file in the package, its manifest's digest in containerd."""

    name: str
    file: str
    digest: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """The contents of a package. `components` maps components to versions."""

    schema: int
    edgeadm: str
    kubernetes: str
    arch: str
    files: tuple[FileEntry, ...]
    images: tuple[ImageEntry, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The manifest as JSON values, keys in camelCase, modes as octal text."""
        return {
            "schema": self.schema,
            "edgeadm": self.edgeadm,
            "kubernetes": self.kubernetes,
            "arch": self.arch,
            "components": dict(sorted(self.components.items())),
            "images": [
                {"name": each.name, "file": each.file, "digest": each.digest, "roles": list(each.roles)}
                for each in self.images
            ],
            "files": [_file_dict(each) for each in self.files],
        }

    def to_json(self) -> bytes:
        """The bytes of `manifest.json`: equal manifests have equal bytes."""
        return (json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n").encode()


def parse(data: bytes) -> Manifest:
    """Parse and validate a manifest: types, roles, hashes, paths, links.

    Raises PackageManifestError and its subclasses, PackageSchemaError, PackagePathError, PackageLinkError,
    PackageDuplicateError.
    """
    if len(data) > MAX_BYTES:
        raise oversized(len(data))
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PackageManifestError(f"{NAME} is not JSON: {error}", hint=HINT) from error
    if not isinstance(raw, dict) or type(raw.get("schema")) is not int:
        raise PackageManifestError(f"{NAME} has no schema version", hint=HINT)
    if raw["schema"] != SCHEMA:
        raise PackageSchemaError(
            f"the package has schema {raw['schema']}, this edgeadm reads schema {SCHEMA}",
            hint="use the edgeadm in the package, or build the package again",
        )
    try:
        manifest = _from_raw(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise PackageManifestError(f"{NAME}: {_why(error)}", hint=HINT) from error
    check_tree([(each.path, each.target) for each in manifest.files])
    _check_images(manifest)
    return manifest


def oversized(size: int) -> PackageManifestSizeError:
    """The error for a manifest of this size in bytes."""
    return PackageManifestSizeError(
        f"{NAME} has {size} bytes, the limit is {MAX_BYTES}", hint="this is not a package that edgeadm built"
    )


HINT = "the package is damaged or was not built by edgeadm: build or copy it again"


def _from_raw(raw: Mapping[str, Any]) -> Manifest:
    components = raw.get("components", {})
    if not isinstance(components, dict):
        raise TypeError("components is not a mapping")
    return Manifest(
        schema=raw["schema"],
        edgeadm=_text(raw, "edgeadm"),
        kubernetes=_text(raw, "kubernetes"),
        arch=_text(raw, "arch"),
        files=tuple(_file(each) for each in _list(raw, "files")),
        images=tuple(_image(each) for each in _list(raw, "images")),
        components={str(key): str(value) for key, value in components.items()},
    )


def _file(raw: Mapping[str, Any]) -> FileEntry:
    entry = FileEntry(
        path=_text(raw, "path"),
        roles=_roles(raw),
        kind=_text(raw, "kind"),
        size=raw["size"],
        mode=int(_text(raw, "mode"), 8),
        sha256=_text(raw, "sha256"),
        target=_text(raw, "target") if "target" in raw else "",
    )
    if type(entry.size) is not int or entry.size < 0:
        raise ValueError(f"{entry.path}: size is not a number of bytes")
    if not 0 <= entry.mode <= 0o777:
        raise ValueError(f"{entry.path}: mode {entry.mode:o} is not plain permission bits")
    if entry.kind not in KINDS:
        raise ValueError(f"{entry.path}: unknown kind {entry.kind}")
    if not entry.target and not SHA256.fullmatch(entry.sha256):
        raise ValueError(f"{entry.path}: sha256 is not 64 hexadecimal digits")
    if "target" in raw and (not entry.target or entry.size or entry.sha256):
        raise ValueError(f"{entry.path}: a link must have a target, and neither size nor sha256")
    return entry


def _image(raw: Mapping[str, Any]) -> ImageEntry:
    return ImageEntry(_text(raw, "name"), _text(raw, "file"), _text(raw, "digest"), _roles(raw))


def _check_images(manifest: Manifest) -> None:
    kinds = {each.path: each.kind for each in manifest.files}
    for image in manifest.images:
        if kinds.get(image.file) != "image":
            raise PackageManifestError(f"{NAME}: image {image.name} has no file {image.file}", hint=HINT)


def _file_dict(entry: FileEntry) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "path": entry.path,
        "roles": list(entry.roles),
        "kind": entry.kind,
        "size": entry.size,
        "mode": f"{entry.mode:04o}",
        "sha256": entry.sha256,
    }
    return fields | ({"target": entry.target} if entry.target else {})


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is not text")
    return value


def _list(raw: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    value = raw[key]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError(f"{key} is not a list of mappings")
    return value


def _roles(raw: Mapping[str, Any]) -> tuple[str, ...]:
    roles = raw["roles"]
    if not isinstance(roles, list) or not roles or not all(role in ROLES for role in roles):
        raise ValueError(f"roles must be some of {', '.join(ROLES)}")
    return tuple(roles)


def _why(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
