"""One command on one channel: stdin is sent while stdout and stderr are read."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeadm.hosts.base import OnLine
from edgeadm.hosts.remote import Traffic
from edgeadm.hosts.ssh.command import Command
from edgeadm.hosts.ssh.errors import OutputError

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.wire import Wire

CHUNK = 256 << 10
# Such a stdin is sent without a thread, if it fits into the window of the host.
SMALL = 16 << 10
OUTPUT_LIMIT = 64 << 20
NOISE_LIMIT = 64 << 10


class Bell:
    """The event of both buffers of a channel. paramiko clears it when one of them is empty, which must not
    hide data in the other, so only the reader resets it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        """paramiko's call, without an effect."""

    def wait(self, timeout: float | None) -> None:
        """Wait for a change since the last call."""
        self._event.wait(timeout)
        self._event.clear()


@dataclass
class Stream:
    """One stream of output: noise of the login shell, then the mark, then the output of the script."""

    mark: bytes
    on_line: OnLine | None = None
    begun: bool = False
    noise: bytes = b""
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    _rest: str = ""
    _decoder: Any = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def feed(self, data: bytes) -> None:
        if not self.begun:
            self.noise += data
            head, found, data = self.noise.partition(self.mark)
            if not found:
                self.noise = self.noise[-NOISE_LIMIT:]
                return
            self.begun, self.noise = True, head
        if not data:
            return
        self.size += len(data)
        if self.size > OUTPUT_LIMIT:
            raise OutputError(f"a script printed more than {OUTPUT_LIMIT >> 20} MiB")
        self.parts.append(data)
        if self.on_line is not None:
            self._lines(self._decoder.decode(data))

    def finish(self) -> str:
        """The whole output; the last line may lack its end."""
        if self.on_line is not None and self._rest:
            rest, self._rest = self._rest, ""
            self.on_line(rest)
        return b"".join(self.parts).decode(errors="replace")

    def _lines(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.on_line(line)  # type: ignore[misc]  # the caller checked it


class Running:
    """A command that runs."""

    def __init__(self, wire: Wire, command: Command, traffic: Traffic) -> None:
        from paramiko import Message
        from paramiko.common import cMSG_CHANNEL_REQUEST

        self.traffic = traffic
        self.bell = Bell()
        self.channel: Any = wire.open_channel("session")
        self.channel.bell = self.bell
        self.channel.in_buffer.set_event(self.bell)
        self.channel.in_stderr_buffer.set_event(self.bell)
        # Not exec_command, which waits for the answer: a refusal closes the channel.
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(self.channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(True)
        message.add_string(command.line)
        self.channel._event_pending()
        wire._send_user_message(message)
        traffic.shells += 1

    @property
    def closed(self) -> bool:
        """Whether the host closed the channel: nothing more will arrive."""
        return bool(self.channel.closed)

    @property
    def code(self) -> int | None:
        """The exit status, 128+n after the signal n; None if there was none."""
        from edgeadm.hosts.ssh.wire import SIGNALS

        name = getattr(self.channel, "exit_signal", "")
        if name:
            return 128 + SIGNALS.get(name, 0)
        return None if self.channel.exit_status < 0 else int(self.channel.exit_status)

    def read(self) -> tuple[bytes, bytes]:
        """The data of stdout and stderr that arrived."""
        out = self.channel.recv(CHUNK) if self.channel.recv_ready() else b""
        err = self.channel.recv_stderr(CHUNK) if self.channel.recv_stderr_ready() else b""
        self.traffic.received += len(out) + len(err)
        return out, err

    def send(self, data: bytes) -> None:
        """Send to stdin, waiting for its window. Raises OSError if the channel is closed."""
        view = memoryview(data)
        while view:
            sent = self.channel.send(view[:CHUNK].tobytes())
            self.traffic.sent += sent
            view = view[sent:]

    def end_stdin(self) -> None:
        with suppress(OSError, EOFError):
            self.channel.shutdown_write()

    def stop(self) -> None:
        """End the command, if it runs, and close the channel."""
        from edgeadm.hosts.ssh.wire import send_signal

        if not self.closed and self.code is None and self.channel.active:
            send_signal(self.channel, "TERM")
        with suppress(OSError, EOFError):
            self.channel.close()


class Feeder:
    """Sends stdin, in a thread unless it is small."""

    def __init__(self, running: Running, stdin: Iterable[bytes]) -> None:
        self.running = running
        self.stdin = stdin
        self.failure: BaseException | None = None

    def start(self) -> None:
        window = min(SMALL, self.running.channel.out_window_size)
        small = isinstance(self.stdin, tuple | list) and sum(map(len, self.stdin)) <= window
        if small:
            self._run()
        else:
            threading.Thread(target=self._run, name="ssh-stdin", daemon=True).start()

    def _run(self) -> None:
        try:
            for part in self.stdin:
                if getattr(self.running.channel, "reads_no_more", False):
                    break
                try:
                    self.running.send(part)
                except (OSError, EOFError):
                    return  # the script ended without reading all, or the connection is lost
            self.running.end_stdin()
        except BaseException as error:  # noqa: BLE001  # raised in the thread that waits
            self.failure = error
            self.running.bell.set()
