"""Downloads a package: resumes after an interruption, enforces the size limit, verifies the checksum."""

from __future__ import annotations

import errno
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from edgeadm.package.checksum import BESIDE, expect, parse_checksum
from edgeadm.package.errors import ChecksumError, DownloadError, SourceTooLargeError
from edgeadm.package.spec import Spec
from edgeadm.package.transfer import Fetch

ATTEMPTS = 5
PAUSE = 1.0
MAX_CHECKSUM_FILE = 64 << 10
# Errors of the local disk: retrying would not help.
OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def download(spec: Spec, cache: Path, max_bytes: int, pause: float = PAUSE) -> tuple[Path, str]:
    """The file in the cache, and the sha256 that it was verified against (empty if none is available).

    Raises DownloadError, SourceTooLargeError, ChecksumError.
    """
    fetch = _fetcher(spec.scheme)
    folder = cache / hashlib.sha256(spec.place.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / spec.name
    wanted = spec.sha256 or _checksum_beside(fetch, spec)
    if wanted and target.is_file() and _matches(target, wanted):
        return target, wanted
    part = _Part(folder / f"{spec.name}.part", folder / f"{spec.name}.mark")
    if target.is_file() and not part.size():
        # A complete file is revalidated like a partial download.
        target.replace(part.path)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _transfer(fetch, spec.place, part, max_bytes)
            break
        except (OSError, EOFError) as error:
            if attempt == ATTEMPTS or getattr(error, "errno", None) in OURS:
                raise DownloadError(
                    f"{spec.shown} could not be downloaded: {error}",
                    hint="run the same command again to resume the download",
                ) from error
            time.sleep(pause * attempt)
    if wanted:
        try:
            expect(part.path, wanted, shown=spec.name)
        except ChecksumError:
            part.forget()
            raise
    part.path.replace(target)
    return target, wanted


@dataclass(frozen=True)
class _Part:
    """An incomplete download, with the mark of the file on the server."""

    path: Path
    mark_path: Path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def mark(self) -> str:
        try:
            mark: str = json.loads(self.mark_path.read_text(encoding="utf-8"))["mark"]
        except (FileNotFoundError, ValueError, KeyError):
            return ""
        return mark

    def remember(self, mark: str) -> None:
        self.mark_path.write_text(json.dumps({"mark": mark}), encoding="utf-8")

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.mark_path.unlink(missing_ok=True)


def _transfer(fetch: Fetch, url: str, part: _Part, max_bytes: int) -> None:
    mark = part.mark()
    # Without a mark, the partial data may belong to another file than the current one.
    offset = part.size() if mark else 0
    with fetch(url, offset=offset, mark=mark) as answer:
        if answer is None or answer.unchanged:
            return
        if answer.total is not None and answer.total > max_bytes:
            raise _too_large(max_bytes)
        part.remember(answer.mark)
        size = answer.offset
        with part.path.open("r+b" if answer.offset else "wb") as out:
            out.seek(answer.offset)
            for chunk in answer.chunks:
                size += len(chunk)
                if size > max_bytes:
                    out.close()
                    part.forget()
                    raise _too_large(max_bytes)
                out.write(chunk)
        if answer.total is not None and size < answer.total:
            raise ConnectionError(f"the connection closed after {size} of {answer.total} bytes")


def _checksum_beside(fetch: Fetch, spec: Spec) -> str:
    beside = _beside(spec.place)
    try:
        with fetch(beside, missing_ok=True) as answer:
            if answer is None:
                return ""
            text = b""
            for chunk in answer.chunks:
                text += chunk
                if len(text) > MAX_CHECKSUM_FILE:
                    return ""
    except (OSError, EOFError) as error:
        raise DownloadError(
            f"{spec.shown} could not be downloaded: {error}", hint="check the URL and the network"
        ) from error
    return parse_checksum(text.decode(errors="replace"), spec.name)


def _beside(url: str) -> str:
    path, mark, query = url.partition("?")
    return path + BESIDE + mark + query


def _fetcher(scheme: str) -> Fetch:
    if scheme == "ftp":
        from edgeadm.package.ftp_fetch import fetch

        return fetch
    from edgeadm.package.http_fetch import fetch as fetch_http

    return fetch_http


def _matches(path: Path, sha256: str) -> bool:
    try:
        expect(path, sha256, shown=path.name)
    except ChecksumError:
        return False
    return True


def _too_large(max_bytes: int) -> SourceTooLargeError:
    return SourceTooLargeError(
        f"the download is larger than {max_bytes >> 20} MiB", hint="check that this is the URL of a package"
    )
