"""Offline packages: download, verify, unpack and build."""

from edgeadm.package.check import read_manifest, verify
from edgeadm.package.extract import unpack
from edgeadm.package.manifest import FileEntry, ImageEntry, Manifest
from edgeadm.package.source import open_source

__all__ = [
    "FileEntry",
    "ImageEntry",
    "Manifest",
    "open_source",
    "read_manifest",
    "unpack",
    "verify",
]
