"""paramiko's transport, tuned for many connections: fast algorithms, no timer threads, and signals, silence
and the raw host key are visible."""

from __future__ import annotations

import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import Any

import paramiko
from paramiko.channel import Channel
from paramiko.common import (
    MSG_CHANNEL_OPEN_FAILURE,
    MSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
)
from paramiko.packet import Packetizer
from paramiko.ssh_exception import SSHException

# In the order of the CPU time that they cost, measured: tools/bench_fleet.py.
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
KEX_FIRST = ("curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
# Seconds between looks at the state of a connection on which nothing arrives; paramiko's value is 0.1.
POLL = 1.0
BANNER_LIMIT = 64 << 10
PACKET_LIMIT = 1 << 20  # OpenSSH's limit is 256 KiB
SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11}
SIGNALS |= {"USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}


# The type stubs lack what these classes override.
_Packetizer: Any = Packetizer
_Channel: Any = Channel
_Transport: Any = paramiko.Transport


class Packets(_Packetizer):  # type: ignore[misc]  # see above
    """Packets, with the time at which the last one arrived."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.heard = time.monotonic()
        self.banner = 0

    def start_handshake(self, timeout: float) -> None:
        """No timer and its thread: the deadline of the whole connection covers the handshake."""

    def _read_timeout(self, timeout: float) -> bytes:
        """A part of the banner: a host that never ends it must not fill the memory."""
        data: bytes = super()._read_timeout(timeout)
        self.banner += len(data)
        if self.banner > BANNER_LIMIT:
            raise SSHException("the banner of the host does not end")
        return data

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > PACKET_LIMIT:
            raise SSHException(f"a packet of {n} bytes is too large")
        data: bytes = super().read_all(n, check_rekey)
        return data

    def read_message(self) -> Any:
        message = super().read_message()
        self.heard = time.monotonic()
        return message


class OrderedChannel(_Channel):  # type: ignore[misc]  # see above
    """A channel on which nothing follows its end. paramiko's threads may send data after it, and sshd then
    ends the whole connection, with all channels of a jump host."""

    ended = False

    def close(self) -> None:
        """Close the channel, also if its connection is lost: another connection may use the channel as its
        socket, and closes it when it ends."""
        with suppress(OSError, EOFError, SSHException):
            super().close()

    def _close_internal(self) -> Any:
        messages = super()._close_internal()
        self.ended = True
        return messages

    def _send(self, data: Any, message: Any) -> Any:
        message.channel = self
        return super()._send(data, message)

    def _send_eof(self) -> Any:
        message = super()._send_eof()
        if message is not None:
            message.channel = self
        return message


class Wire(_Transport):  # type: ignore[misc]  # see above
    """A connection. `key_types` are the accepted types of host keys, in order."""

    _active_check_timeout = POLL
    _preferred_ciphers = CIPHERS
    _preferred_macs = MACS
    _preferred_kex = KEX_FIRST + tuple(each for each in _Transport._preferred_kex if each not in KEX_FIRST)

    def __init__(self, sock: Any, key_types: tuple[str, ...]) -> None:
        super().__init__(sock, packetizer_class=Packets)
        self.key_types = key_types
        self.host_key_blob = b""
        self.silence = 0.0
        self.silent = False
        self._channel_handler_table: dict[int, Any] = dict(_Transport._channel_handler_table)
        self._channel_handler_table[MSG_CHANNEL_REQUEST] = _on_request
        self._handler_table[MSG_CHANNEL_OPEN_FAILURE] = self._on_open_failure
        self._opening = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        return self.key_types

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        super()._verify_key(host_key, sig)
        if self.host_key_blob and self.host_key_blob != host_key:
            raise SSHException("the host key changed within the connection")
        self.host_key_blob = host_key

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        """Errors are raised to the caller; paramiko's log adds nothing."""

    def open_channel(self, *args: Any, **options: Any) -> Any:
        channel = super().open_channel(*args, **options)
        channel.__class__ = OrderedChannel
        return channel

    def _send_message(self, data: Any) -> None:
        # Threads send one after the other, and a channel is marked before its last message is sent.
        channel = getattr(data, "channel", None)
        if channel is None or not channel.ended:
            super()._send_message(data)

    def _next_channel(self) -> int:
        self._opening.number = super()._next_channel()
        return int(self._opening.number)

    def _on_open_failure(self, message: Any) -> None:
        """paramiko keeps one error for all channels, which threads that open channels would exchange."""
        start = message.packet.tell()
        number, reason, text = message.get_int(), message.get_int(), message.get_text()
        self._refusals[number] = (reason, text)
        message.packet.seek(start)
        self._parse_channel_open_failure(message)
        self.saved_exception = None

    @property
    def refusal(self) -> tuple[int, str]:
        """The reason (RFC 4254, 5.1) and text of the host for the channel that this thread tried to open."""
        return self._refusals.pop(getattr(self._opening, "number", -1), (0, ""))

    @property
    def quiet(self) -> float:
        """Seconds since the last packet."""
        return time.monotonic() - float(self.packetizer.heard)

    def watch(self, silence: float) -> None:
        """Send keep-alive messages, and end the connection after `silence` seconds without any packet."""
        self.silence = silence
        self.packetizer.heard = time.monotonic()
        self.packetizer.set_keepalive(max(silence / 3, POLL), _keep_alive(weakref.ref(self)))
        WATCH.add(self)

    def cut(self) -> None:
        """Close the connection without waiting; threads that read or write wake up."""
        self.active = False
        _shut(self.sock)
        self.packetizer.close()
        for channel in list(self._channels.values()):
            channel._unlink()

    def end(self) -> None:
        """Close the connection."""
        if self.active:
            self.cut()


def _shut(sock: Any) -> None:
    with suppress(OSError, EOFError, SSHException):
        sock.shutdown(socket.SHUT_RDWR)


def _keep_alive(ref: weakref.ref[Wire]) -> Any:
    def send() -> None:
        wire = ref()
        if wire is None or not wire.active:
            return
        message = paramiko.Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # an answer is required, of any kind
        with suppress(EOFError, OSError, SSHException):
            wire._send_message(message)

    return send


def _on_request(channel: Any, message: Any) -> None:
    """A channel request of the host: also those that paramiko ignores."""
    start = message.packet.tell()
    kind = message.get_text()
    message.get_boolean()
    if kind == "exit-signal":
        channel.exit_signal = message.get_text()
    elif kind == "eow@openssh.com":
        channel.reads_no_more = True
    message.packet.seek(start)
    _Channel._handle_request(channel, message)
    bell = getattr(channel, "bell", None)
    if bell is not None:
        bell.set()


def send_signal(channel: Any, name: str) -> None:
    """Send a signal to the command of the channel, if the host supports it."""
    message: Any = paramiko.Message()
    message.channel = channel
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string(name)
    with suppress(EOFError, OSError, SSHException):
        channel.transport._send_user_message(message)


class Watch:
    """One thread that ends silent connections, also those whose own thread is blocked in a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        self._running = False

    def add(self, wire: Wire) -> None:
        with self._lock:
            self._wires.add(wire)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="ssh-silence", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(POLL)
            with self._lock:
                wires = [each for each in self._wires if each.active]
                if not wires:
                    self._running = False
                    return
            for wire in wires:
                if wire.quiet > wire.silence:
                    wire.silent = True
                    wire.cut()
            del wires


WATCH = Watch()
