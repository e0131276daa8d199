"""Hashing and writing in a separate thread, in parallel with decompression.

Both zstd and sha256 release Python's lock while they work, so two processors are used. The queue is short, so
that memory is bounded for any package.
"""

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
        # The worker's error is at an earlier position in the package than the reader's.
        if self._error is not None and (error is None or isinstance(error, Exception)):
            raise self._error

    def do(self, job: Job) -> None:
        """Queue a job; blocks while the queue is full. Raises the exception of an earlier job."""
        if self._error is not None:
            raise self._error
        self._jobs.put(job)

    def begin(self, file: FileCheck) -> None:
        """The file of the next jobs, which is closed in any case."""
        self._file = file

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._error is None:
                try:
                    job()
                except BaseException as error:  # noqa: BLE001  handed to the caller's thread
                    self._error = error


class FileCheck:
    """One file: hashed, and written if `target` is given. Runs in the worker."""

    def __init__(self, entry: FileEntry, target: Path | None = None) -> None:
        self.entry = entry
        self._hash = hashlib.sha256()
        self._target = target
        self._out: IO[bytes] | None = None

    def feed(self, chunk: bytes | memoryview) -> None:
        """Process the next bytes."""
        self._hash.update(chunk)
        if self._target is not None:
            self._open(self._target).write(chunk)

    def finish(self) -> None:
        """End of the data. Raises PackageFileAlteredError if it does not match the manifest."""
        if self._target is not None:
            self._open(self._target)
            self.close()
            self._target.chmod(self.entry.mode)
        if self._hash.hexdigest() != self.entry.sha256:
            raise PackageFileAlteredError(
                f"{self.entry.path} does not match the manifest: its sha256 differs", hint=HINT
            )

    def close(self) -> None:
        """Close the written file, if any."""
        if self._out is not None:
            self._out.close()

    def _open(self, target: Path) -> IO[bytes]:
        if self._out is None:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._out = target.open("xb", buffering=0)
        return self._out
