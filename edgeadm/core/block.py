"""Lines of ours in a file that others write as well: put in and taken out without touching theirs.

The block stands at the top, so that nothing depends on how the file ends: taken out, every other byte is as
it was."""

from __future__ import annotations

import re

BEGIN = b"# begin: made by edgeadm; `edgeadm reset` takes it out\n"
END = b"# end: made by edgeadm\n"
_BLOCK = re.compile(re.escape(BEGIN) + b"(.*?)" + re.escape(END), re.DOTALL)


def has_block(data: bytes) -> bool:
    """Whether there are lines of ours in it."""
    return _BLOCK.search(data) is not None


def block_of(data: bytes) -> bytes:
    """Our lines; empty where there are none."""
    found = _BLOCK.search(data)
    return found[1] if found else b""


def with_block(data: bytes, lines: bytes) -> bytes:
    """The file with these lines as the only ones of ours."""
    return BEGIN + lines + END + without_block(data)


def without_block(data: bytes) -> bytes:
    """The file as it would be without us."""
    return _BLOCK.sub(b"", data)
