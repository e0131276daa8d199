"""Remotes and dialers for tests, without a network.

- `FakeRemote` answers scripts from a table and has a `FakeHost`.
- `ShRemote` runs scripts with the sh of this host. Paths that scripts name are moved below a directory, and
  programs of `bin` come first (tests with it are marked `runs_programs`).
- `FakeDialer` hands them out by address, or raises the prepared errors, in order.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeadm.hosts.base import Host, OnLine, Result
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.remote import Remote, Traffic
from edgeadm.hosts.ssh.errors import ConnectionLostError, ConnectionRefusedByHostError
from edgeadm.hosts.ssh.target import Target


@dataclass(frozen=True)
class Call:
    """One shell: script, positional parameters, stdin, and whether it ran as root."""

    script: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    root: bool = True


Reply = Result | Exception | Callable[[Call], Result]


def _lines(result: Result, on_line: OnLine | None) -> None:
    for line in result.out.splitlines() if on_line else ():
        on_line(line)  # type: ignore[misc]  # checked on the line above


@dataclass
class FakeRemote:
    """Keys of `answers` are words that a script contains; the longest one that fits is used. A reply is a
    Result, an exception, a function of the Call, or a list of them, one for each call. A script without a
    reply fails the test."""

    answers: dict[str, Reply | list[Reply]] = field(default_factory=dict)
    on: Host = field(default_factory=FakeHost)
    traffic: Traffic = field(default_factory=Traffic)
    calls: list[Call] = field(default_factory=list)
    closed: bool = False

    def shell(
        self,
        script: str,
        *args: str,
        stdin: Iterable[bytes] = (),
        on_line: OnLine | None = None,
        timeout: float | None = None,
        root: bool = True,
    ) -> Result:
        if self.closed:
            raise ConnectionLostError("the connection is closed")
        call = Call(script, args, b"".join(stdin), root)
        self.calls.append(call)
        self.traffic.shells += 1
        self.traffic.sent += len(call.stdin)
        result = self._reply(call)
        self.traffic.received += len(result.out.encode()) + len(result.err.encode())
        _lines(result, on_line)
        return replace(result, argv=("sh", *args))

    @contextmanager
    def host(self) -> Iterator[Host]:
        if self.closed:
            raise ConnectionLostError("the connection is closed")
        self.traffic.shells += 1
        yield self.on

    def close(self) -> None:
        self.closed = True

    def _reply(self, call: Call) -> Result:
        fitting = [word for word in self.answers if word in call.script]
        if not fitting:
            raise AssertionError(f"no reply was prepared for the script: {call.script[:200]}")
        reply = self.answers[max(fitting, key=len)]
        if isinstance(reply, list):
            reply = reply.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Result) else reply(call)


@dataclass
class ShRemote:
    """`root` contains the paths of `moved` for the scripts; `bin` contains programs that replace those of
    this host. `lost` is the number of shells after which the connection is lost, if any."""

    root: Path
    moved: Sequence[str] = ("/var/lib/edgeadm-fleet", "/run/edgeadm-fleet", "/opt/edgeadm", "/usr/local/bin")
    bin: Path | None = None
    on: Host = field(default_factory=FakeHost)
    traffic: Traffic = field(default_factory=Traffic)
    calls: list[Call] = field(default_factory=list)
    lost: int | None = None

    def shell(
        self,
        script: str,
        *args: str,
        stdin: Iterable[bytes] = (),
        on_line: OnLine | None = None,
        timeout: float | None = None,
        root: bool = True,
    ) -> Result:
        if self.lost is not None and self.traffic.shells >= self.lost:
            raise ConnectionLostError("the connection is lost")
        call = Call(script, args, b"".join(stdin), root)
        self.calls.append(call)
        self.traffic.shells += 1
        for path in self.moved:
            script = script.replace(path, f"{self.root}{path}")
        env = os.environ | {"LC_ALL": "C"}
        if self.bin is not None:
            env["PATH"] = f"{self.bin}:{env['PATH']}"
        argv = ("sh", "-c", script, "sh", *args)
        try:
            done = subprocess.run(argv, input=call.stdin, capture_output=True, env=env, timeout=timeout)
        except subprocess.TimeoutExpired:
            return Result(("sh", *args), 124)
        self.traffic.sent += len(call.stdin)
        self.traffic.received += len(done.stdout) + len(done.stderr)
        code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        result = Result(
            ("sh", *args), code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        _lines(result, on_line)
        return result

    @contextmanager
    def host(self) -> Iterator[Host]:
        self.traffic.shells += 1
        yield self.on

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class FakeDialer:
    """`remotes` maps an address to a Remote, an exception, or a list of them, one for each attempt (the last
    one stays). Unknown addresses refuse the connection. `dials` are the attempts in order."""

    remotes: dict[str, Remote | Exception | list[Remote | Exception]] = field(default_factory=dict)
    dials: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def dial(self, target: Target) -> Remote:
        with self._lock:
            self.dials.append(target.address)
            found = self.remotes.get(target.address)
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
        if found is None:
            raise ConnectionRefusedByHostError(f"{target.place} refused the connection")
        if isinstance(found, Exception):
            raise found
        return found
