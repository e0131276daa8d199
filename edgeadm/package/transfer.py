"""The interface of download schemes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

CHUNK = 1 << 20


@dataclass(frozen=True)
class Answer:
    """A server's response: the offset of its first byte, the total size (None if unknown), and a mark that
    changes with the file (empty if unknown). `unchanged`: the local file is current."""

    offset: int
    total: int | None
    mark: str
    chunks: Iterator[bytes]
    unchanged: bool = False


class Fetch(Protocol):
    """Requests a file, from `offset` on if it still has `mark`.

    Raises OSError for errors that may be retried, DownloadError for others; `missing_ok` returns None for a
    missing file.
    """

    def __call__(
        self, url: str, *, offset: int = 0, mark: str = "", missing_ok: bool = False
    ) -> AbstractContextManager[Answer | None]: ...
