"""What programs need of a machine, glibc above all: read from the files themselves."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"\x7fELF"
# Section type of the table that names the library versions a file was linked against.
VERNEED = 0x6FFFFFFE
# Section type of the table that names the libraries which a file loads, and the tag of such an entry.
DYNAMIC = 6
NEEDED = 1
# Program header that names the loader.
INTERP = 3


def glibc_needed(tree: Path) -> str:
    """The oldest glibc that every file of the tree runs with, such as `2.35`; empty where none needs one."""
    versions = {version for path in sorted(tree.rglob("*")) for version in _of(path)}
    return ".".join(map(str, max(versions))) if versions else ""


def glibc_by_file(tree: Path) -> dict[str, str]:
    """The same per file: what to look at when the number is too high."""
    found = {path: max(_of(path), default=()) for path in sorted(tree.rglob("*"))}
    return {str(path.relative_to(tree)): ".".join(map(str, each)) for path, each in found.items() if each}


def loader(program: Path) -> str:
    """The path of the dynamic loader that starts the program; empty where it needs none."""
    data = program.read_bytes()
    table_at, entry_size, count = struct.unpack_from("<Q14xHH", data, 32)
    for index in range(count):
        kind, _flags, offset, _address, _physical, size = struct.unpack_from(
            "<IIQQQQ", data, table_at + index * entry_size
        )
        if kind == INTERP:
            return data[offset : offset + size].rstrip(b"\0").decode()
    return ""


def needed(file: Path) -> list[str]:
    """The names of the libraries that a program or library loads itself, in the order in which it says so."""
    data = file.read_bytes()
    sections = _sections(data)
    return [
        _string(data, sections[link][4] + value)
        for _name, kind, _flags, _address, offset, size, link, *_rest in sections
        if kind == DYNAMIC
        for tag, value in struct.iter_unpack("<QQ", data[offset : offset + size])
        if tag == NEEDED
    ]


def _of(path: Path) -> Iterator[tuple[int, ...]]:
    if path.is_symlink() or not path.is_file():
        return
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            return
    for name in _version_names(path.read_bytes()):
        if match := re.fullmatch(r"GLIBC_([\d.]+)", name):
            yield tuple(int(part) for part in match[1].split("."))


def _version_names(data: bytes) -> Iterator[str]:
    """Every version name in the file's need table."""
    sections = _sections(data)
    for _name, kind, _flags, _address, offset, _size, link, entries, _align, _entry in sections:
        if kind == VERNEED:
            yield from _needs(data, offset, entries, strings=sections[link][4])


def _needs(data: bytes, offset: int, entries: int, strings: int) -> Iterator[str]:
    for _ in range(entries):
        _version, names, _file, first, following = struct.unpack_from("<HHIII", data, offset)
        at = offset + first
        for _ in range(names):
            _hash, _flags, _other, name, next_name = struct.unpack_from("<IHHII", data, at)
            yield _string(data, strings + name)
            at += next_name
        offset += following


def _sections(data: bytes) -> list[tuple[int, ...]]:
    """The section headers. 64-bit little-endian, which is all that we ship."""
    table_at, entry_size, count = struct.unpack_from("<Q10xHH", data, 40)
    return [struct.unpack_from("<IIQQQQIIQQ", data, table_at + index * entry_size) for index in range(count)]


def _string(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
