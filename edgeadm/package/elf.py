"""Requirements of ELF programs, above all their glibc version, read from the files."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"\x7fELF"
# Section type of the table of required library versions.
VERNEED = 0x6FFFFFFE
# Section type of the dynamic table, and the tag of its entries for required libraries.
DYNAMIC = 6
NEEDED = 1
# Program header with the path of the loader.
INTERP = 3


def glibc_needed(tree: Path) -> str:
    """The oldest glibc that runs all files of the tree, such as `2.35`, or an empty string if none is
    required."""
    versions = {version for path in sorted(tree.rglob("*")) for version in _of(path)}
    return ".".join(map(str, max(versions))) if versions else ""


def glibc_by_file(tree: Path) -> dict[str, str]:
    """Required glibc version per file, to find the file that requires a newer one."""
    found = {path: max(_of(path), default=()) for path in sorted(tree.rglob("*"))}
    return {str(path.relative_to(tree)): ".".join(map(str, each)) for path, each in found.items() if each}


def loader(program: Path) -> str:
    """The path of the program's dynamic loader; empty for a static program."""
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
    """The names of the libraries that a program or library requires directly, in file order."""
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
    """All version names in the file's version requirement table."""
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
    """The section headers. Only 64-bit little-endian, the format of all our files."""
    table_at, entry_size, count = struct.unpack_from("<Q10xHH", data, 40)
    return [struct.unpack_from("<IIQQQQIIQQ", data, table_at + index * entry_size) for index in range(count)]


def _string(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
