"""One zstd frame, read block by block with bounded memory and a known end.

The library's own stream readers accept a truncated frame and skip trailing data; a package must be rejected
for both. A block decodes to 128 KiB at most (RFC 8878, 3.1.1.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from edgeadm.package.errors import (
    NotAPackageError,
    PackageDamagedError,
    PackageTrailingError,
    PackageTruncatedError,
)

MAGIC = b"\x28\xb5\x2f\xfd"
MAX_HEADER = 18
MAX_WINDOW = 128 << 20
RAW, RLE, COMPRESSED = 0, 1, 2
HINT = "copy or download the package again"


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The frame's contents in chunks of at most 128 KiB.

    Raises NotAPackageError for data other than zstd, PackageTruncatedError, PackageTrailingError,
    PackageDamagedError for data that cannot be decoded.
    """
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    try:
        for block in _blocks(file):
            if chunk := decoder.decompress(block):
                yield chunk
    except zstandard.ZstdError as error:
        raise PackageDamagedError(f"the compressed data cannot be decoded: {error}", hint=HINT) from error


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    import zstandard

    start = file.read(MAX_HEADER)
    if not start.startswith(MAGIC):
        raise NotAPackageError("the file is not a zstd archive", hint="pass a package that edgeadm built")
    try:
        size = zstandard.frame_header_size(start)
        checksum = zstandard.get_frame_parameters(start).has_checksum
    except zstandard.ZstdError as error:
        raise PackageTruncatedError("the package ends within its header", hint=HINT) from error
    file.seek(size - len(start), 1)
    yield start[:size]
    last = False
    while not last:
        header = _exactly(file, 3)
        number = int.from_bytes(header, "little")
        last = bool(number & 1)
        kind, length = number >> 1 & 3, number >> 3
        if kind > COMPRESSED:
            raise PackageDamagedError("a block of the compressed data has an unknown kind", hint=HINT)
        yield header + _exactly(file, 1 if kind == RLE else length)
    if checksum:
        yield _exactly(file, 4)
    if file.read(1):
        raise PackageTrailingError("there is data after the end of the package", hint=HINT)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise PackageTruncatedError("the package ends too early", hint=HINT)
    return data
