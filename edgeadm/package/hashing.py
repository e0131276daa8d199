"""Hashing, and writing, beside decompressing: a thread of its own takes the chunks, in order.

Both zstd and sha256 let go of Python's lock while they work, so two processors are busy. The queue is
short: memory stays bounded however large the package is."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from edgeadm.package.errors import PackageFileAlteredError
from edgeadm.package.manifest import FileEntry

QUEUE_CHUNKS = 64
HINT = "the package was damaged or changed after it was built: copy or download it again"

Job = Callable[[], None]


class Worker:
    """Runs jobs in order in a thread. The first exception of a job is raised to the caller, jobs after it
    are dropped."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(QUEUE_CHUNKS)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._file: FileCheck | None = None

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(None)
        self._thread.join()
        if self._file is not None:
            self._file.close()
        # What the worker found lies earlier in the package than what the reader ran into.
        if self._error is not None and (error is None or isinstance(error, Exception)):
            raise self._error

    def do(self, job: Job) -> None:
        """Queue a job; waits while the queue is full. Raises what an earlier job raised."""
        if self._error is not None:
            raise self._error
        self._jobs.put(job)

    def begin(self, file: FileCheck) -> None:
        """The file that the next jobs are about: closed at the end, whatever happens."""
        self._file = file

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:
                try:
                    job()
                except BaseException as error:  # noqa: BLE001  handed to the caller's thread
                    self._error = error


class FileCheck:
    """One file on its way: hashed, and written where `target` is given. Runs in the worker."""

    def __init__(self, entry: FileEntry, target: Path | None = None) -> None:
        self.entry = entry
        self._hash = hashlib.sha256()
        self._target = target
        self._out: IO[bytes] | None = None

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        if self._target is not None:
            self._open(self._target).write(chunk)

    def finish(self) -> None:
        """All bytes were fed. Raises PackageFileAlteredError where they are not the manifest's."""
        if self._target is not None:
            self._open(self._target)
            self.close()
            self._target.chmod(self.entry.mode)
        if self._hash.hexdigest() != self.entry.sha256:
            raise PackageFileAlteredError(
                f"{self.entry.path} does not match the manifest: its sha256 differs", hint=HINT
            )

    def close(self) -> None:
        """Close what is written, if anything is."""
        if self._out is not None:
            self._out.close()

    def _open(self, target: Path) -> IO[bytes]:
        if self._out is None:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._out = target.open("xb", buffering=0)
        return self._out
