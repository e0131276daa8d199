"""The tar inside a package, read as a stream: headers, each followed by its data.

Packages use a small subset of the format: plain headers, files and symbolic links. Everything else is
rejected, so that no two programs can read the same package differently.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.package.errors import (
    PackageDamagedError,
    PackageEntryKindError,
    PackageTrailingError,
    PackageTruncatedError,
)
from edgeadm.package.safety import HINT as UNSAFE
from edgeadm.package.safety import check_path

BLOCK = 512
END = bytes(BLOCK)
HINT = "copy or download the package again"
KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.DIRTYPE: "a directory entry",
}


@dataclass(frozen=True)
class Member:
    """A header: `size` bytes of data follow; `target` is set for symbolic links."""

    path: str
    size: int
    mode: int
    target: str = ""


class Archive:
    """Reads a tar: `next_member`, then `data` to its end, and so on. Keeps one chunk in memory."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._padding = 0

    def next_member(self) -> Member | None:
        """The next header, or None at the archive's end. The data of the previous member must have been read.

        Raises PackageTruncatedError, PackageDamagedError, PackageEntryKindError, PackagePathError.
        """
        self._take(self._padding)
        header = self._take(BLOCK)
        if header == END:
            if self._take(BLOCK) != END:
                raise PackageDamagedError("the archive inside the package has a gap", hint=HINT)
            self._expect_end()
            return None
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise PackageDamagedError(
                f"a header in the package cannot be read: {error}", hint=HINT
            ) from error
        check_path(info.name)
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.SYMTYPE):
            kind = KINDS.get(info.type, "an entry of an unknown kind")
            raise PackageEntryKindError(f"{info.name} is {kind}", hint=UNSAFE)
        size = 0 if info.issym() else info.size
        self._padding = -size % BLOCK
        return Member(info.name, size, info.mode, info.linkname if info.issym() else "")

    def data(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, in chunks. Raises PackageTruncatedError."""
        while size:
            chunk = self._chunk()
            part, self._rest = chunk[:size], chunk[size:]
            size -= len(part)
            yield part

    def _take(self, size: int) -> bytes:
        return b"".join(self.data(size))

    def _chunk(self) -> memoryview:
        if not self._rest:
            found = next(self._chunks, None)
            if found is None:
                raise PackageTruncatedError("the archive inside the package ends too early", hint=HINT)
            self._rest = memoryview(found)
        return self._rest

    def _expect_end(self) -> None:
        if self._rest or next(self._chunks, None) is not None:
            raise PackageTrailingError("there is data after the end of the package's archive", hint=HINT)
