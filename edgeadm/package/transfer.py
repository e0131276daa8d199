"""What every scheme by which packages are fetched promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

CHUNK = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What a server sends: from which byte on, how many in all (None: it does not say), and a mark that
    changes with the file (empty: none). `unchanged`: what we have is what there is."""

    offset: int
    total: int | None
    mark: str
    chunks: Iterator[bytes]
    unchanged: bool = False


class Fetch(Protocol):
    """How one scheme asks for a file, from `offset` on if it still has `mark`.

    Raises OSError for what is worth another try, DownloadError for what is not; `missing_ok` gives None for
    a file that is not there."""

    def __call__(
        self, url: str, *, offset: int = 0, mark: str = "", missing_ok: bool = False
    ) -> AbstractContextManager[Answer | None]: ...
