"""A Host over one remote sh that stays open: requests are calls of its functions, replies are framed.

The sh reads its stdin, so each request is text of sh: a function of FUNCTIONS with positional parameters
between single quotes (command.quoted). Every reply ends with a mark on stdout, followed by the status, and
with the mark on stderr. Commands get /dev/null or a here-document as stdin, never the requests. The far side
requires only a POSIX sh and coreutils.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from edgeadm.errors import CommandError
from edgeadm.hosts.base import FileInfo, OnLine, Result, Source
from edgeadm.hosts.file_by_file import FileByFile
from edgeadm.hosts.ssh.command import command, quoted
from edgeadm.hosts.ssh.files import (
    FUNCTIONS,
    MISSING,
    STAGED,
    file_infos,
    parent,
    temporary,
)

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.remote import Shell, SshRemote

PART = 768 << 10
# Seconds that a command may exceed its own time limit before its shell counts as lost.
GRACE = 10.0


@dataclass(frozen=True)
class Reply:
    """The status and the output of a request."""

    code: int
    out: bytes
    err: bytes


Key = tuple[str, tuple[str, ...]]


@dataclass
class RemoteHost(FileByFile):
    """`prefetch` sends many questions at once: with a round trip of 100 ms, 40 questions take one instead of
    40 of them."""

    name: str
    remote: SshRemote
    shell: Shell
    mark: bytes
    _out: bytearray = field(default_factory=bytearray)
    _err: bytearray = field(default_factory=bytearray)
    _ready: dict[Key, deque[Reply]] = field(default_factory=dict)
    # Checks may ask from several threads; the stream of replies has one reader.
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _pending: int = 0

    @classmethod
    @contextmanager
    def open(cls, remote: SshRemote) -> Iterator[RemoteHost]:
        """Start the sh; it ends with the context."""
        line = command("exec /bin/sh", (), remote.target.login, True)
        shell = remote.start(line)
        # Sent over stdin: unlike the command line, other users of the host do not see it.
        mark = secrets.token_hex(16).encode()
        host = cls(remote.target.address, remote, shell, mark)
        try:
            host._send(f"M={mark.decode()}\n{FUNCTIONS}", 0, wait=bool(line.prompt))
            yield host
            shell.running.end_stdin()
        finally:
            shell.running.stop()

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:
        limit = () if timeout is None else ("timeout", "-k", "5", f"{timeout:g}")
        prepared = self._prepared("q", (*limit, *argv)) if not stdin else None
        reply = prepared or self._command((*limit, *argv), stdin, None, timeout)
        return _result(argv, reply)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        settings = ("env", *(f"{key}={value}" for key, value in env.items())) if env else ()
        return _result(argv, self._command((*settings, *argv), stdin, on_line)).checked()

    def read(self, path: str) -> bytes | None:
        reply = self._prepared("r", (path,)) or self._call("r", path)
        return None if reply.code == MISSING else _good(reply, f"read {path}").out

    def stat(self, path: str) -> FileInfo | None:
        return self.stat_all((path,)).get(path)

    def stat_all(self, paths: Iterable[str]) -> dict[str, FileInfo]:
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        return file_infos((self._prepared("st", wanted) or self._call("st", *wanted)).out)

    def names(self, path: str) -> tuple[str, ...]:
        reply = self._prepared("ls", (path,)) or self._call("ls", path)
        return tuple(sorted(each.decode(errors="surrogateescape") for each in reply.out.split(b"\0") if each))

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self._replace(path, mode, (data[at : at + PART] for at in range(0, len(data), PART)), len(data))

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        with source.local().open("rb") as data:
            self._replace(path, mode, iter(lambda: data.read(PART), b""), source.size)

    def stage(self, source: Source) -> str:
        """The source below /var/lib/edgeadm-fleet, named by its hash, so that it is sent once."""
        path = f"{STAGED}/{source.sha256}"
        found = self.ask("sha256sum", path)
        if not found.out.startswith(source.sha256):
            self.put(source, path, 0o700)
        return path

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        _good(self._call("ap", path, parent(path), f"{mode:o}", stdin=data), f"append to {path}")

    def remove(self, path: str) -> None:
        _good(self._call("rm_", path, temporary(path)), f"remove {path}")

    def prefetch(
        self,
        asks: Iterable[tuple[str, ...]] = (),
        reads: Iterable[str] = (),
        stats: Iterable[tuple[str, ...]] = (),
        names: Iterable[str] = (),
    ) -> None:
        """Ask all of these in one message. Each reply is returned by the next call with equal arguments,
        instead of a new request, once."""
        keys: list[Key] = [("q", argv) for argv in asks]
        keys += [("r", (path,)) for path in reads]
        keys += [("st", tuple(dict.fromkeys(paths))) for paths in stats]
        keys += [("ls", (path,)) for path in names]
        with self._lock:
            self._send("".join(_request(name, args) for name, args in keys), len(keys))
            for key in keys:
                self._ready.setdefault(key, deque()).append(self._reply())

    def _prepared(self, name: str, args: tuple[str, ...]) -> Reply | None:
        replies = self._ready.get((name, args))
        if not replies:
            return None
        reply = replies.popleft()
        if not replies:
            del self._ready[name, args]
        return reply

    def _command(
        self, argv: tuple[str, ...], stdin: bytes, on_line: OnLine | None, timeout: float | None = None
    ) -> Reply:
        return self._call("q", *argv, stdin=stdin, on_line=on_line, timeout=timeout)

    def _call(
        self,
        name: str,
        *args: str,
        stdin: bytes = b"",
        on_line: OnLine | None = None,
        timeout: float | None = None,
    ) -> Reply:
        takes = name == "ap" or bool(stdin)
        request = _request(name, args, stdin if takes else None)
        with self._lock:
            self._send(request, 1)
            return self._reply(on_line, None if timeout is None else timeout + GRACE)

    def _replace(self, path: str, mode: int, parts: Iterator[bytes], size: int) -> None:
        """Write beside the path, verify and flush, then rename."""
        beside = temporary(path)
        _good(self._call("new", path, parent(path), beside), f"write {path}")
        digest = hashlib.sha256()
        try:
            for part in parts:
                digest.update(part)
                _good(self._call("ap", beside, parent(path), "600", stdin=part), f"write {path}")
            done = self._call("mv_", beside, path, f"{mode:o}", str(size), digest.hexdigest())
            _good(done, f"write {path}")
        except CommandError:
            self._call("rm_", beside, beside)
            raise

    def _send(self, text: str, replies: int, wait: bool = False) -> None:
        if self._pending:  # its reply would be taken for that of the next request
            raise self.remote.lost("an earlier request was interrupted")
        self._pending = replies
        try:
            while wait and not self.shell.err.begun:  # sudo reads the password from the same stream
                self._pump(None)
            self.shell.running.send(self.shell.line.prefix + text.encode("utf-8", "surrogateescape"))
            self.shell.line = replace(self.shell.line, prefix=b"")
        except (OSError, EOFError) as error:
            self._ended()
            raise self.remote.lost(str(error)) from error

    def _reply(self, on_line: OnLine | None = None, limit: float | None = None) -> Reply:
        until = None if limit is None else time.monotonic() + limit
        lines = Lines(on_line) if on_line else None
        while True:
            head, found, rest = self._out.partition(self.mark)
            status, end, tail = rest.partition(b"\n")
            err, done, more = self._err.partition(self.mark)
            if end and done:
                self._out, self._err = tail, more
                if lines:
                    lines.finish(head, err)
                self._pending -= 1
                return Reply(int(status), bytes(head), bytes(err))
            if lines:
                lines.feed(self._out if not found else head, self._err if not done else err)
            self._pump(until)

    def _pump(self, until: float | None) -> None:
        """Wait for output. Raises ConnectionLostError if the shell ended."""
        closed = self.shell.running.closed
        moved = self.shell.pump()
        for stream, buffer in ((self.shell.out, self._out), (self.shell.err, self._err)):
            for part in stream.parts:
                buffer += part
            stream.parts.clear()
            stream.size = len(buffer)
        if moved:
            return
        if closed:
            self._ended()
            raise self.remote.lost("the shell on the host ended")
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise self.remote.lost("a command did not end at its time limit")
        self.shell.running.bell.wait(left)

    def _ended(self) -> None:
        while self.shell.pump():
            pass
        if not self.shell.err.begun and self.shell.running.closed:
            self.shell.check_begun()


@dataclass
class Lines:
    """Complete lines of both streams, as they arrive."""

    on_line: Callable[[str], None]
    seen: list[int] = field(default_factory=lambda: [0, 0])

    def feed(self, *buffers: bytes | bytearray) -> None:
        for number, buffer in enumerate(buffers):
            while (end := buffer.find(b"\n", self.seen[number])) >= 0:
                self.on_line(bytes(buffer[self.seen[number] : end]).decode(errors="replace"))
                self.seen[number] = end + 1

    def finish(self, *buffers: bytes | bytearray) -> None:
        self.feed(*buffers)
        for number, buffer in enumerate(buffers):
            if rest := bytes(buffer[self.seen[number] :]):
                self.on_line(rest.decode(errors="replace"))


def _request(name: str, args: tuple[str, ...], stdin: bytes | None = None) -> str:
    """One call; its stdin is a here-document in base64, whose lines cannot be its end."""
    words = " ".join(quoted(arg) for arg in args)
    if any("\0" in arg for arg in args):
        raise CommandError("an argument contains a NUL character")
    if stdin is None:
        return f"{name} {words} </dev/null\ne $?\n"
    body = base64.encodebytes(stdin).decode()
    # The status is that of the call, the last one of the pipeline.
    return f"base64 -d <<'.' | {name} {words}\n{body}.\ne $?\n"


def _result(argv: tuple[str, ...], reply: Reply) -> Result:
    return Result(argv, reply.code, reply.out.decode(errors="replace"), reply.err.decode(errors="replace"))


def _good(reply: Reply, action: str) -> Reply:
    if reply.code:
        context = reply.err.decode(errors="replace").strip()[-1000:]
        raise CommandError(f"cannot {action}", context=context, status=reply.code)
    return reply
