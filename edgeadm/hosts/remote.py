"""The interface to a host that is reached over a network: remote shells, counted, with their bytes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgeadm.hosts.base import Host, OnLine, Result

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.target import Target


@dataclass
class Traffic:
    """Counters of a connection: remote shells, and bytes of their stdin and of their output."""

    shells: int = 0
    sent: int = 0
    received: int = 0


class Remote(Protocol):
    """A connection to a host. Every method raises UnreachableError if the connection is lost."""

    @property
    def traffic(self) -> Traffic: ...

    def shell(
        self,
        script: str,
        *args: str,
        stdin: Iterable[bytes] = (),
        on_line: OnLine | None = None,
        timeout: float | None = None,
        root: bool = True,
    ) -> Result:
        """Run a POSIX sh script in one remote shell, as root unless `root` is false; any exit status is
        returned, 124 after `timeout` seconds.

        `script` is a constant of edgeadm and may be visible to other users of the host. `args` are its
        positional parameters: no character of them is interpreted. Secrets and files go through `stdin`,
        which is sent while the script runs. `on_line` receives every line of stdout while the script runs.
        """

    def host(self) -> AbstractContextManager[Host]:
        """The host behind the interface of a local one, through one remote shell that stays open."""

    def close(self) -> None:
        """End the connection. Commands that systemd runs on the host continue."""


class Dialer(Protocol):
    """Opens connections."""

    def dial(self, target: Target) -> Remote:
        """Connect and authenticate. One attempt: raises an error of hosts/ssh/errors.py, all of which are
        UnreachableError or a refusal that further attempts cannot change."""
