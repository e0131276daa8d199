"""Files in chunks, named after their content: a machine that has a chunk does not receive it again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE = 4 << 20
READ = 64 << 10
NAME = re.compile(r"[0-9a-f]{64}\.[0-9]{1,8}")


@dataclass(frozen=True)
class Chunk:
    """A part of a file: `size` bytes at `offset`."""

    sha256: str
    size: int
    offset: int

    @property
    def name(self) -> str:
        """The name on a machine. The size tells a complete chunk from the start of one."""
        return f"{self.sha256}.{self.size}"


@dataclass(frozen=True)
class Piece:
    """A file of this host that machines receive, and its chunks."""

    path: Path
    sha256: str
    size: int
    chunks: tuple[Chunk, ...]

    def missing(self, stored: Collection[str]) -> tuple[Chunk, ...]:
        """The chunks that a machine lacks, equal ones once: none if it has the file."""
        if self.sha256 in stored:
            return ()
        different = {each.name: each for each in self.chunks}
        return tuple(each for name, each in different.items() if name not in stored)


def piece_of(path: Path, size: int = SIZE) -> Piece:
    """The chunks of a file; the result is cached beside the file, which must not change afterwards."""
    index = path.with_name(f"{path.name}.{size}.json")
    if index.is_file():
        known = json.loads(index.read_text(encoding="utf-8"))
        return _piece(path, known["sha256"], [(each[0], each[1]) for each in known["chunks"]])
    whole = hashlib.sha256()
    parts: list[tuple[str, int]] = []
    with path.open("rb") as file:
        while data := file.read(size):
            whole.update(data)
            parts.append((hashlib.sha256(data).hexdigest(), len(data)))
    part = index.with_name(f"{index.name}.{os.getpid()}.part")
    part.write_text(json.dumps({"sha256": whole.hexdigest(), "chunks": parts}), encoding="utf-8")
    part.replace(index)
    return _piece(path, whole.hexdigest(), parts)


def stream(wanted: Iterable[tuple[Piece, Chunk]]) -> Iterator[bytes]:
    """A tar with these chunks as files, in blocks of at most 64 KiB."""
    for piece, chunk in wanted:
        info = tarfile.TarInfo(chunk.name)
        info.size, info.mode = chunk.size, 0o600
        yield info.tobuf(tarfile.USTAR_FORMAT)
        with piece.path.open("rb") as file:
            file.seek(chunk.offset)
            left = chunk.size
            while left:
                data = file.read(min(READ, left))
                if not data:
                    raise EOFError(f"{piece.path} was truncated")
                left -= len(data)
                yield data
        yield bytes(-chunk.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _piece(path: Path, sha256: str, parts: list[tuple[str, int]]) -> Piece:
    chunks, offset = [], 0
    for name, size in parts:
        chunks.append(Chunk(name, size, offset))
        offset += size
    return Piece(path, sha256, offset, tuple(chunks))
