"""Commands in a virtual machine: SSH over its virtio port, without a network.

In the virtual machine, a script starts an sshd for each connection to the port (`transplant`). On the host,
one ssh holds the connection for all commands, because the port has only one connection at a time."""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgeadm.clock import CLOCK
from edgeadm.hosts.process import execute, spawn

PAUSE = 0.2  # seconds
OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "IdentitiesOnly=yes",
)


@dataclass(frozen=True)
class Port:
    """The port of a virtual machine: `folder` contains its sockets, `key` is the private key for it."""

    folder: Path
    key: Path

    @property
    def control(self) -> Path:
        """The socket of the ssh that holds the connection."""
        return self.folder / "ssh"

    def is_open(self) -> bool:
        """Whether commands can be run."""
        return self.control.exists() and execute([*self._ssh(), "-O", "check", "node"]).code == 0

    def open(self, patience: float) -> bool:
        """Connect, for up to `patience` seconds; returns whether commands can be run."""
        if self.is_open():
            return True
        if not self.folder.is_dir():
            return False
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self.is_open() or self._connect(patience)

    def command(self, argv: Sequence[str], *, terminal: bool = False) -> list[str]:
        """The command on this host that runs a command in the node over the open connection."""
        extra = ["-t"] if terminal else ["-T"]
        return [*self._ssh(), "-o", "ProxyCommand=false", *extra, "node", "--", shlex.join(argv)]

    def connect_words(self, patience: float) -> list[str]:
        """The command that opens the connection and holds it."""
        proxy = f"socat - UNIX-CONNECT:{shlex.quote(str(self.folder / 'port'))}"
        options = [f"ProxyCommand={proxy}", f"ConnectTimeout={max(1, round(patience))}"]
        words = [word for option in (*OPTIONS, *options) for word in ("-o", option)]
        return [*self._ssh(), "-M", "-N", "-i", str(self.key), *words, "node"]

    def _ssh(self) -> list[str]:
        return ["ssh", "-F", "none", "-S", str(self.control), "-l", "root"]

    def _connect(self, patience: float) -> bool:
        end = CLOCK.now() + patience
        return CLOCK.poll(lambda: self._attempt(end - CLOCK.now()), patience, PAUSE)

    def _attempt(self, patience: float) -> bool:
        self.control.unlink(missing_ok=True)
        pid = spawn(self.connect_words(patience), self.folder / "ssh.log")
        CLOCK.poll(lambda: self.is_open() or not Path(f"/proc/{pid}").exists(), patience, PAUSE)
        if self.is_open():
            return True
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        return False


def has_terminal() -> bool:
    """Whether stdin of edgeadm is a terminal: the command then needs one, too."""
    return sys.stdin is not None and sys.stdin.isatty()
