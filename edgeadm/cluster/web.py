"""Discovery files on web servers, as in kubeadm (app/discovery/https)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from functools import cache

from edgeadm.cluster.errors import DiscoveryFileError
from edgeadm.cluster.trust import trusted
from edgeadm.config.ticket import Ticket

TIMEOUT = 30.0  # read time-out in seconds
MAX_BYTES = 1 << 20


def discovery_file(ticket: Ticket) -> bytes:
    """The content of the ticket's discovery file; a URL is downloaded once per run, from a server that this
    host trusts. Raises DiscoveryFileError."""
    return _fetched(ticket.url) if ticket.url else ticket.kubeconfig or b""


@cache
def _fetched(url: str) -> bytes:
    try:
        # Only https URLs are possible: see ticket_of.
        with urllib.request.urlopen(url, timeout=TIMEOUT, context=trusted()) as answer:  # noqa: S310
            found: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _failed(url, f"the server responded {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _failed(url, str(error.reason)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _failed(url, str(error)) from error
    if len(found) > MAX_BYTES:
        raise _failed(url, f"it is larger than {MAX_BYTES} bytes")
    return found


def _failed(url: str, reason: str) -> DiscoveryFileError:
    return DiscoveryFileError(
        f"the discovery file `{url}` could not be downloaded: {reason}",
        hint=(
            "check the URL, and that this host trusts the server's certificate; `--discovery-file` also "
            "accepts a file"
        ),
    )
