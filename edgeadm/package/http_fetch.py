"""Downloads by HTTP and HTTPS."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import unquote, urlsplit, urlunsplit

from edgeadm.cluster.trust import trusted
from edgeadm.package.errors import DownloadError
from edgeadm.package.transfer import CHUNK, Answer

# Read time-out in seconds.
TIMEOUT = 60


@contextmanager
def fetch(url: str, *, offset: int = 0, mark: str = "", missing_ok: bool = False) -> Iterator[Answer | None]:
    """Request a file; see `transfer.Fetch`. The mark is the ETag, or the modification time."""
    # The scheme was validated when the URL was parsed.
    bare, login = _login(url)
    request = urllib.request.Request(bare, headers={"User-Agent": "edgeadm"})  # noqa: S310
    if login:
        request.add_unredirected_header("Authorization", f"Basic {login}")
    if offset and mark:
        request.add_header("Range", f"bytes={offset}-")
        request.add_header("If-Range", mark)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT, context=trusted())  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.NOT_FOUND and missing_ok:
                yield None
                return
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                yield Answer(offset, offset, mark, iter(()), unchanged=True)
                return
            raise _refused(bare, error.code, error.reason) from error
    except urllib.error.URLError as error:
        raise ConnectionError(str(error.reason)) from error
    except http.client.HTTPException as error:
        raise ConnectionError(f"the response is not HTTP: {error!r}") from error
    with response:
        start = offset if response.status == HTTPStatus.PARTIAL_CONTENT else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        yield Answer(start, total, _mark(response.headers), _chunks(response))


def _login(url: str) -> tuple[str, str]:
    """The URL without user and password, and these as a Basic authentication header (RFC 7617)."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    encoded = base64.b64encode(unquote(login).encode()).decode() if at else ""
    return urlunsplit(parts._replace(netloc=host)), encoded


def _mark(headers: http.client.HTTPMessage) -> str:
    """A strong ETag or a date: a weak ETag does not identify bytes (RFC 9110, 13.1.5)."""
    etag: str = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK):
            yield chunk
    except http.client.IncompleteRead as error:
        yield error.partial
        raise ConnectionError("the connection was closed") from error


def _refused(url: str, code: int, reason: str) -> Exception:
    text = f"the server responded {code} {reason} for {url}"
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ConnectionError(text)
    return DownloadError(text, hint="check the URL")
