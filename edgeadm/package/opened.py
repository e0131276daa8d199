"""An offline package during a run: its manifest is read at once, its files are unpacked on demand."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeadm.package.manifest import FileEntry, ImageEntry, Manifest
from edgeadm.package.progress import MIB, Progress

Say = Callable[[str], None]

PRIVATE = Path("/var/lib/edgeadm/package")
INSTALLED = ("program", "tool", "cni-plugin", "image")


def quiet(_text: str) -> None:
    """Discards progress messages."""


@dataclass(frozen=True)
class PackedFile:
    """One file of the package, as a Source for a Host."""

    package: OpenPackage
    entry: FileEntry

    @property
    def size(self) -> int:
        return self.entry.size

    @property
    def sha256(self) -> str:
        return self.entry.sha256

    def local(self) -> Path:
        """Unpacks and verifies the package on the first call."""
        return self.package.unpacked() / self.entry.path


@dataclass(frozen=True)
class OpenPackage:
    """A package file or directory with its manifest. The package is read once: all bytes are verified, and
    the files of this role are unpacked to a private directory named after the manifest. The run after an
    interruption uses the directory, a complete run deletes it. Without `keeps`, as in a dry run, nothing is
    unpacked."""

    path: Path
    manifest: Manifest
    role: str
    private: Path = PRIVATE
    keeps: bool = True
    # The node is another host: it has none of the private directories of this one, and the package was
    # verified before, for all nodes.
    elsewhere: bool = False

    @classmethod
    def open(cls, path: Path, role: str, private: Path = PRIVATE, *, keeps: bool = True) -> OpenPackage:
        """Read the manifest. Raises the package's errors if it is not a package."""
        from edgeadm.package.check import read_manifest

        return cls(path, read_manifest(path), role, private, keeps)

    def files(self, kind: str) -> list[PackedFile]:
        """The files of a kind for this node's role, by path."""
        wanted = [entry for entry in self.manifest.files if entry.kind == kind and self._mine(entry)]
        return [PackedFile(self, entry) for entry in sorted(wanted, key=lambda entry: entry.path)]

    def images(self) -> list[tuple[ImageEntry, PackedFile]]:
        """The images for this node's role, each with its file."""
        by_path = {entry.path: entry for entry in self.manifest.files}
        return [
            (image, PackedFile(self, by_path[image.file]))
            for image in self.manifest.images
            if self.role in image.roles
        ]

    def image_names(self) -> list[str]:
        """The references of this role's images."""
        return [image.name for image in self.manifest.images if self.role in image.roles]

    def image_named(self, repository: str) -> str:
        """The reference of this role's image in this repository, which may lack its leading parts: `pause`
        finds registry.k8s.io/pause:3.10. Empty if there is none."""
        wanted = f"/{repository}"
        return next((name for name in self.image_names() if f"/{_repository(name)}".endswith(wanted)), "")

    def has(self, path: str) -> bool:
        """Whether the package contains this file for this role."""
        return any(entry.path == path and self._mine(entry) for entry in self.manifest.files)

    def own_mib(self) -> int:
        """Space, MiB, that is still required for the private copy of this role's files."""
        here = not self.elsewhere and self._folder().is_dir()
        return 0 if here else self._mine_mib()

    def unpacked_mib(self) -> int:
        """Space, MiB, that is still required for this role's files on the node, including the private
        copy."""
        return 2 * self._mine_mib() + self.own_mib()

    def check(self, say: Say = quiet, *, room: bool = True) -> None:
        """Compare every byte with the manifest, once in a run; unpacks the files of this role meanwhile, if
        the run may keep files and there is `room` for them. `say` receives the progress.

        Raises the package's errors.
        """
        from edgeadm.package.check import verify

        if self.elsewhere or self._folder().is_dir():
            return
        if self.keeps and room:
            self.unpacked(say)
            return
        verify(self.path, arch=self.manifest.arch, on_progress=self._progress("verifying", say))

    def unpacked(self, say: Say = quiet) -> Path:
        """The private directory with this role's files; every byte of the package is verified."""
        from edgeadm.package.extract import unpack

        folder = self._folder()
        if not folder.is_dir():
            progress = self._progress("verifying and unpacking", say)
            try:
                unpack(self.path, folder, wanted=self._mine, arch=self.manifest.arch, on_progress=progress)
            except BaseException:
                self.close()  # including the parent directories that were created for it
                raise
        return folder

    def close(self) -> None:
        """Delete the private directory, and its parent if that is empty."""
        shutil.rmtree(self.private, ignore_errors=True)
        with suppress(OSError):
            self.private.parent.rmdir()

    def _progress(self, what: str, say: Say) -> Progress:
        total = sum(entry.size for entry in self.manifest.files)
        say(f"{what} the package, {total // MIB} MiB")
        return Progress(total, say)

    def _mine_mib(self) -> int:
        return sum(entry.size for entry in self.manifest.files if self._mine(entry)) // MIB

    def _folder(self) -> Path:
        names = "\n".join(f"{entry.sha256} {entry.path}" for entry in self.manifest.files)
        return self.private / f"{hashlib.sha256(names.encode()).hexdigest()[:16]}-{self.role}"

    def _mine(self, entry: FileEntry) -> bool:
        return self.role in entry.roles and entry.kind in INSTALLED


def _repository(reference: str) -> str:
    """registry.k8s.io/pause of registry.k8s.io/pause:3.10."""
    registry, slash, name = reference.partition("@")[0].rpartition("/")
    return f"{registry}{slash}{name.partition(':')[0]}"
