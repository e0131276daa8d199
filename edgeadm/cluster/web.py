"""Discovery files on web servers, as kubeadm takes them (app/discovery/https)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from functools import cache

from edgeadm.cluster.errors import DiscoveryFileError
from edgeadm.cluster.trust import trusted
from edgeadm.config.ticket import Ticket

TIMEOUT = 30.0  # seconds without a byte
MAX_BYTES = 1 << 20


def discovery_file(ticket: Ticket) -> bytes:
    """The bytes of the ticket's discovery file; one on a web server is fetched once in a run, from a server
    that this machine trusts. Raises DiscoveryFileError."""
    return _fetched(ticket.url) if ticket.url else ticket.kubeconfig or b""


@cache
def _fetched(url: str) -> bytes:
    try:
        # Only https addresses get here: see ticket_of.
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
