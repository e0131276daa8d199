"""Opens connections: direct, and through jump hosts, which all machines behind them share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgeadm.errors import EdgeadmError, UnreachableError
from edgeadm.hosts.ssh.auth import log_in
from edgeadm.hosts.ssh.errors import (
    ConnectionRefusedByHostError,
    ConnectTimeoutError,
    ForwardingError,
    HostKeyChangedError,
    JumpRefusedError,
    JumpUnreachableError,
    NotSshError,
)
from edgeadm.hosts.ssh.host_keys import Verifier
from edgeadm.hosts.ssh.known_hosts import kind_of
from edgeadm.hosts.ssh.remote import SshRemote
from edgeadm.hosts.ssh.sockets import Deadline, connect
from edgeadm.hosts.ssh.target import Target

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.wire import Wire

# Seconds for which an unused jump host stays connected.
LINGER = 20.0
PROHIBITED = 1  # RFC 4254, 5.1
Chain = tuple[Target, ...]


@dataclass
class Jump:
    """The connection to a jump host: `ready` is the result of the last attempt, `users` are the connections
    through it."""

    ready: Future[tuple[Wire, Callable[[], None]]] = field(default_factory=Future)
    users: int = 0


@dataclass
class SshDialer:
    """A Dialer. `close` ends the connections to jump hosts, which else end when they are not used."""

    linger: float = LINGER
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _jumps: dict[Chain, Jump] = field(default_factory=dict)

    def dial(self, target: Target) -> SshRemote:
        wire, release = self._connect(target)
        wire.watch(target.silence)
        return SshRemote(wire, target, release)

    def close(self) -> None:
        """End all connections to jump hosts."""
        with self._lock:
            jumps, self._jumps = list(self._jumps.values()), {}
        for jump in jumps:
            _end(jump)

    def _connect(self, target: Target) -> tuple[Wire, Callable[[], None]]:
        """A connection, and the call that releases its jump host."""
        if not target.jumps:
            return _secured(lambda deadline: connect(target.address, target.port, deadline), target), _nothing
        chain = target.jumps
        jump = self._acquire(chain)
        try:
            via = jump.ready.result()[0]
            wire = _secured(lambda deadline: _forwarded(via, chain[-1], target, deadline), target)
        except BaseException:
            self._release(chain, jump)
            raise
        return wire, lambda: self._release(chain, jump)

    def _acquire(self, chain: Chain) -> Jump:
        """The connection to the last host of the chain, or its error. One thread connects, the others wait
        for its result."""
        with self._lock:
            jump = self._jumps.get(chain)
            mine = jump is None or (jump.ready.done() and not _alive(jump))
            if jump is None or mine:
                jump = self._jumps[chain] = Jump()
            jump.users += 1
        if mine:
            try:
                found = self._connect(replace(chain[-1], jumps=chain[:-1]))
                found[0].watch(chain[-1].silence)
                jump.ready.set_result(found)
            except EdgeadmError as error:
                jump.ready.set_exception(_of_jump(error, chain[-1]))
            except BaseException as error:
                jump.ready.set_exception(error)
                self._release(chain, jump)
                raise
        return jump

    def _release(self, chain: Chain, jump: Jump) -> None:
        with self._lock:
            jump.users -= 1
            if jump.users > 0:
                return
        if not _alive(jump):
            self._forget(chain, jump)
            return
        timer = threading.Timer(self.linger, self._forget, (chain, jump))
        timer.daemon = True
        timer.start()

    def _forget(self, chain: Chain, jump: Jump) -> None:
        with self._lock:
            if jump.users > 0:
                return
            if self._jumps.get(chain) is jump:
                del self._jumps[chain]
        _end(jump)


def _nothing() -> None:
    pass


def _alive(jump: Jump) -> bool:
    return jump.ready.done() and jump.ready.exception() is None and bool(jump.ready.result()[0].active)


def _end(jump: Jump) -> None:
    if jump.ready.done() and jump.ready.exception() is None:
        wire, release = jump.ready.result()
        wire.end()
        release()


def _of_jump(error: EdgeadmError, jump: Target) -> EdgeadmError:
    """The error of a jump host, which names it, and remains final or not."""
    if isinstance(error, JumpUnreachableError | JumpRefusedError):
        return error
    kind = JumpUnreachableError if isinstance(error, UnreachableError) else JumpRefusedError
    context = "\n".join(filter(None, (error.message, error.context)))
    return kind(f"jump host {jump.place} failed: {error.code}", context=context, hint=error.hint)


def _forwarded(via: Wire, jump: Target, target: Target, deadline: Deadline) -> Any:
    """A channel of the jump host to the target."""
    from paramiko.ssh_exception import ChannelException, SSHException

    where = f"{target.address} port {target.port}"
    try:
        return via.open_channel(
            "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=deadline.left
        )
    except ChannelException as error:
        reason, text = via.refusal
        if PROHIBITED in (reason, error.code):
            raise ForwardingError(
                f"jump host {jump.place} does not permit a connection to {where}",
                context=text,
                hint="set AllowTcpForwarding and PermitOpen in its sshd_config",
            ) from error
        raise ConnectionRefusedByHostError(
            f"jump host {jump.place} cannot connect to {where}", context=text or str(error)
        ) from error
    except (SSHException, EOFError, OSError) as error:
        reason, text = via.refusal
        if not via.active:
            raise JumpUnreachableError(f"the connection to jump host {jump.place} was lost") from error
        if deadline.over:
            raise ConnectTimeoutError(
                f"{where} does not respond to jump host {jump.place} within {deadline.seconds:g} s"
            ) from error
        if reason == PROHIBITED:
            raise ForwardingError(
                f"jump host {jump.place} does not permit a connection to {where}", context=text
            ) from error
        raise ConnectionRefusedByHostError(
            f"jump host {jump.place} cannot connect to {where}", context=text or str(error)
        ) from error


def _secured(open_socket: Callable[[Deadline], Any], target: Target) -> Wire:
    """Handshake, host key and login, within one deadline."""
    deadline = Deadline.within(target.connect)
    verifier = Verifier(target)
    types = verifier.types()  # may raise, before there is a socket to close
    wire = _handshake(open_socket(deadline), target, types, deadline)
    rejected: list[str] = []
    while True:
        try:
            verifier.verify(wire.host_key_blob)
            log_in(wire, target, deadline)
        except HostKeyChangedError:
            # The type of a pinned fingerprint is not known: the host may have the key among its others.
            rejected.append(kind_of(wire.host_key_blob))
            wire.end()
            types = verifier.types(without=rejected)
            if not types or not any(pin.startswith("SHA256:") for pin in target.host_keys.pinned):
                raise
            try:
                wire = _handshake(open_socket(deadline), target, types, deadline)
            except NotSshError:
                wire = None  # type: ignore[assignment]  # the error is raised below
            if wire is None:
                raise
        except BaseException:
            wire.end()
            raise
        else:
            return wire


def _handshake(sock: Any, target: Target, types: tuple[str, ...], deadline: Deadline) -> Wire:
    from paramiko.ssh_exception import SSHException

    from edgeadm.hosts.ssh.wire import Wire

    wire = Wire(sock, types)
    wire.banner_timeout = deadline.left
    wire.clear_to_send_timeout = target.connect
    wire.channel_timeout = target.connect
    try:
        wire.start_client(timeout=deadline.left)
        if wire.initial_kex_done and wire.active:
            return wire
        problem = ""
    except (SSHException, EOFError, OSError, ValueError, IndexError) as error:
        problem = str(error) or "the host closed the connection"
    except BaseException:
        wire.cut()
        raise
    wire.cut()
    with suppress(OSError):
        sock.close()
    if deadline.over or not problem:
        raise ConnectTimeoutError(
            f"{target.place} did not complete the SSH handshake within {deadline.seconds:g} s",
            hint="check that an SSH server listens on this port, and the load of the host",
        )
    raise NotSshError(f"the SSH handshake with {target.place} failed", context=problem[:300])
