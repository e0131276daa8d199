"""A block of edgeadm's lines in a file that other programs write as well.

The block is at the top, so that it does not depend on the end of the file: without it, all other bytes are
unchanged.
"""

from __future__ import annotations

import re

BEGIN = b"# begin: made by edgeadm; `edgeadm reset` takes it out\n"
END = b"# end: made by edgeadm\n"
_BLOCK = re.compile(re.escape(BEGIN) + b"(.*?)" + re.escape(END), re.DOTALL)


def has_block(data: bytes) -> bool:
    """Whether the file contains the block."""
    return _BLOCK.search(data) is not None


def block_of(data: bytes) -> bytes:
    """The lines of the block, or an empty string."""
    found = _BLOCK.search(data)
    return found[1] if found else b""


def with_block(data: bytes, lines: bytes) -> bytes:
    """The file with these lines as its only block."""
    return BEGIN + lines + END + without_block(data)


def without_block(data: bytes) -> bytes:
    """The file without the block."""
    return _BLOCK.sub(b"", data)
