"""The files of a node, read from outside: its image, its layer and its disk are directories of this host.

Only files on the node's own disk are read, each only once while its metadata is unchanged: the image and the
layer are read-only. A node's disk is mounted with `noatime`, so that reading leaves no trace, and its inodes
survive power cycles.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from edgeadm.sandbox import Node
from tests.e2e.waiting import until

# Of a file: device of its disk, inode, size, times of change of its content and of its metadata.
Identity = tuple[int, int, int, int, int]
KINDS = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l", stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}
KINDS |= {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}
OPAQUE = "trusted.overlay.opaque"
BLOCK = 1 << 20


def is_opaque(folder: Path) -> bool:
    """Whether this directory of an overlay's upper layer hides those below it."""
    try:
        return os.getxattr(folder, OPAQUE) == b"y"
    except OSError:
        return False


@dataclass
class Digests:
    """The content of files by their identity: hashed once."""

    known: dict[Identity, str] = field(default_factory=dict)

    def of(self, path: Path, found: os.stat_result) -> str:
        """SHA-256 of a regular file."""
        key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if key not in self.known:
            made = hashlib.sha256()
            with path.open("rb", buffering=0) as file:
                while block := file.read(BLOCK):
                    made.update(block)
            self.known[key] = made.hexdigest()
        return self.known[key]


@dataclass(frozen=True)
class Tree:
    """A merged tree: `upper` over the `lower` directories, topmost first; `pruned` are patterns of paths that
    are skipped with everything below them."""

    upper: Path
    lower: tuple[Path, ...] = ()
    pruned: tuple[str, ...] = ()
    digests: Digests = field(default_factory=Digests)
    opaque: Callable[[Path], bool] = is_opaque

    def lines(self, at: str = "") -> list[str]:
        """Every difference between the merged tree and its lower directories: `PATH MODE OWNER KIND LINK` for
        each file, and `PATH SHA-256` for each with content. A deleted file is `PATH deleted`."""
        return sorted(self._below(self.upper, at, self.lower))

    def _below(self, folder: Path, at: str, lower: tuple[Path, ...]) -> Iterator[str]:
        for entry in _entries(folder):
            path = f"{at}/{entry.name}"
            if any(fnmatchcase(path, pattern) for pattern in self.pruned):
                continue
            try:
                yield from self._one(Path(entry.path), path, lower)
            except FileNotFoundError:
                continue  # the node deletes it meanwhile

    def _one(self, file: Path, path: str, lower: tuple[Path, ...]) -> Iterator[str]:
        found = file.lstat()
        below = _visible(lower, file.name)
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            if below:
                yield f"{path} deleted"
            return
        own = self._described(file, found, path)
        if not below or own != self._described(below[0], below[0].lstat(), path):
            yield from own
        if not stat.S_ISDIR(found.st_mode):
            return
        hidden = below if self.opaque(file) else ()
        # Directories of the same name are merged, down to the first entry of another kind.
        merged = () if hidden else _folders(below)
        yield from self._below(file, path, merged)
        here = {entry.name for entry in _entries(file)}
        for one in _folders(hidden):
            yield from (f"{path}/{each.name} deleted" for each in _entries(one) if each.name not in here)

    def _described(self, file: Path, found: os.stat_result, path: str) -> list[str]:
        kind = KINDS[stat.S_IFMT(found.st_mode)]
        link = str(file.readlink()) if kind == "l" else ""
        number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}" if kind in "cb" else ""
        mode = f"{stat.S_IMODE(found.st_mode):o}"
        lines = [f"{path} {mode} {found.st_uid}:{found.st_gid} {kind} {link or number}".rstrip()]
        if kind == "f":
            lines.append(f"{path} {self.digests.of(file, found)}")
        return lines


_digests = Digests()


def files(node: Node, pruned: tuple[str, ...]) -> list[str]:
    """The changes on the node's disk relative to its image and layer, as in `Tree.lines`."""
    record, disk = node.sandbox, node.folder / "disk"
    mounted = ("/var/lib/containerd", "/var/lib/kubelet")
    root = Tree(disk / "upper", (Path(record.layer), Path(record.image)), (*pruned, *mounted), _digests)
    lines = root.lines()
    for path in mounted:
        folder = disk / Path(path).name
        own = folder.lstat()
        lines.append(f"{path} {stat.S_IMODE(own.st_mode):o} {own.st_uid}:{own.st_gid} d")
        lines += Tree(folder, (), pruned, _digests).lines(path)
    return sorted(lines)


def contents(found: Callable[[], list[Path]]) -> dict[Path, bytes]:
    """The content of these files. They are searched again if one vanishes meanwhile: a program that renames a
    file to its final name must not hide it."""
    read: dict[Path, bytes] = {}

    def all_read() -> bool:
        read.clear()
        try:
            read.update((path, path.read_bytes()) for path in found())
        except FileNotFoundError:
            return False
        return True

    until(all_read, "no file vanishes while they are read")
    return read


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _visible(lower: tuple[Path, ...], name: str) -> tuple[Path, ...]:
    """The files of that name in the lower directories, topmost first."""
    return tuple(
        folder / name for folder in lower if (folder / name).is_symlink() or (folder / name).exists()
    )


def _folders(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The leading directories: a file ends the merge."""
    found: list[Path] = []
    for path in paths:
        if path.is_symlink() or not path.is_dir():
            break
        found.append(path)
    return tuple(found)
