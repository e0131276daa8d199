"""A Remote over SSH."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from edgeadm.hosts.base import Host, OnLine, Result
from edgeadm.hosts.remote import Traffic
from edgeadm.hosts.ssh.command import Command, command
from edgeadm.hosts.ssh.errors import ConnectionLostError, SudoPasswordError
from edgeadm.hosts.ssh.refused import explain
from edgeadm.hosts.ssh.run import Feeder, Running, Stream
from edgeadm.hosts.ssh.target import Target

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.wire import Wire

# Seconds that a command may exceed its time limit, which the host enforces.
GRACE = 10.0


@dataclass
class SshRemote:
    """A connection. `release` ends its use of a jump host."""

    wire: Wire
    target: Target
    release: Callable[[], None]
    traffic: Traffic = field(default_factory=Traffic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def shell(
        self,
        script: str,
        *args: str,
        stdin: Iterable[bytes] = (),
        on_line: OnLine | None = None,
        timeout: float | None = None,
        root: bool = True,
    ) -> Result:
        line = command(script, args, self.target.login, root, timeout)
        shell = self.start(line, on_line)
        try:
            return shell.complete(stdin, None if timeout is None else timeout + GRACE)
        finally:
            shell.running.stop()

    @contextmanager
    def host(self) -> Iterator[Host]:
        from edgeadm.hosts.ssh.host import RemoteHost

        with RemoteHost.open(self) as host:
            yield host

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.wire.end()
        self.release()

    def start(self, line: Command, on_line: OnLine | None = None) -> Shell:
        """Start a command. Raises ConnectionLostError."""
        from paramiko.ssh_exception import SSHException

        try:
            running = Running(self.wire, line, self.traffic)
        except (SSHException, EOFError, OSError) as error:
            raise self.lost(self.wire.refusal[1] or str(error)) from error
        return Shell(self, running, line, Stream(line.mark, on_line), Stream(line.mark))

    def lost(self, detail: str = "") -> ConnectionLostError:
        """The error of a connection that ended."""
        silent = f"no packet for {self.wire.silence:g} s" if self.wire.silent else ""
        return ConnectionLostError(
            f"the connection to {self.target.place} was lost", context=silent or detail
        )


@dataclass
class Shell:
    """A command, its output so far, and the dialogue with sudo."""

    remote: SshRemote
    running: Running
    line: Command
    out: Stream
    err: Stream
    _asked: bool = False

    def complete(self, stdin: Iterable[bytes], timeout: float | None) -> Result:
        """Send stdin, and wait for the end of the command."""
        until = None if timeout is None else time.monotonic() + timeout
        feeder = Feeder(self.running, chain((self.line.prefix,), stdin) if self.line.prefix else stdin)
        waits = bool(self.line.prompt)
        if not waits:
            feeder.start()
        while True:
            finished = self.running.closed
            moved = self.pump()
            if waits and self.err.begun:
                waits = False
                feeder.start()
            if feeder.failure is not None:
                raise feeder.failure
            if finished and not moved:
                return self._result()
            if moved:
                continue
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return self._timed_out(timeout)
            self.running.bell.wait(left)

    def pump(self) -> bool:
        """Move the data that arrived into the streams; whether there was any."""
        out, err = self.running.read()
        self.out.feed(out)
        self.err.feed(err)
        if self.line.prompt and not self.err.begun:
            self._answer_sudo()
        return bool(out or err)

    def _answer_sudo(self) -> None:
        password = self.remote.target.login.sudo_password
        asked = self.err.noise.count(self.line.prompt)
        if asked > 1:
            raise SudoPasswordError(
                f"sudo on {self.remote.target.place} rejected the password", hint="check the sudo password"
            )
        if asked and not self._asked and password is not None:
            self._asked = True
            try:
                self.running.send(str(password).encode() + b"\n")
            except (OSError, EOFError) as error:
                raise self.remote.lost() from error

    def _result(self) -> Result:
        code = self.running.code
        if not self.out.begun or not self.err.begun:
            self.check_begun()
        if code is None:
            raise self.remote.lost("the command ended without an exit status")
        return Result(("sh",), code, self.out.finish(), self.err.finish())

    def check_begun(self) -> None:
        """Raise the reason for which the script did not begin."""
        if self.running.code is None and not self.remote.wire.active:
            raise self.remote.lost()
        texts = [stream.noise.replace(self.line.prompt or b"\0", b"") for stream in (self.out, self.err)]
        out, err = (text.decode(errors="replace") for text in texts)
        raise explain(self.remote.target, self.running.code, out, err, sudo="sudo" in self.line.line[:12])

    def _timed_out(self, timeout: float | None) -> Result:
        note = f"\nstopped after {timeout:g} s" if timeout is not None else ""
        return Result(("sh",), 124, self.out.finish(), self.err.finish() + note)
