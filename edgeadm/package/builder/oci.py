"""Images as OCI image layouts in a tar, which `ctr images import` imports under their names.

OCI image specification v1.1: image-layout.md, manifest.md, config.md. Layers are not compressed, because the
package is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeadm.package.builder.layers import Blob, add_file

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
# Times are part of the digest, so they are fixed.
CREATED = "1970-01-01T00:00:00Z"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_image(target: Path, name: str, arch: str, entrypoint: Sequence[str], layers: Sequence[Blob]) -> str:
    """Write the image's tar; returns the digest of its manifest, which containerd uses."""
    config = _json(
        {
            "created": CREATED,
            "architecture": arch,
            "os": "linux",
            "config": {"Env": [PATH], "Entrypoint": list(entrypoint), "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [each.digest for each in layers]},
            "history": [{"created": CREATED, "created_by": "edgeadm package build"} for _ in layers],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [{"mediaType": LAYER, "digest": each.digest, "size": each.size} for each in layers],
        }
    )
    index = _json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                _descriptor(MANIFEST, manifest)
                | {
                    "annotations": {
                        "io.containerd.image.name": name,
                        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                    },
                    "platform": {"architecture": arch, "os": "linux"},
                }
            ],
        }
    )
    blobs: dict[str, bytes | Path] = {_digest(each): each for each in (config, manifest)}
    blobs |= {each.digest: each.path for each in layers}
    with target.open("wb") as out:
        for digest in sorted(blobs):
            add_file(out, f"blobs/{digest.replace(':', '/')}", blobs[digest])
        add_file(out, "index.json", index)
        add_file(out, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        out.write(bytes(1024))
    return _digest(manifest)


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
