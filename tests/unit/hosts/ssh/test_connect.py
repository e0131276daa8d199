"""Connections that cannot be made, and connections through jump hosts."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.config.secret import Secret
from edgeadm.errors import EdgeadmError, UnreachableError
from edgeadm.hosts.ssh import HostKeys, Login, SshDialer, Target, Trust
from edgeadm.hosts.ssh.errors import (
    ConnectionRefusedByHostError,
    ConnectTimeoutError,
    ForwardingError,
    JumpRefusedError,
    JumpUnreachableError,
    NotSshError,
    SshError,
    UnknownNameError,
)
from tests import ssh_servers
from tests.ssh_servers import PasswordServer, listening
from tests.sshd import Sshd, free_ports

pytestmark = pytest.mark.runs_programs


def target(port: int, **changes: object) -> Target:
    login = Login(user="ops", password=Secret("pa55"), agent=False)
    values: dict[str, object] = {
        "connect": 0.5,
        "host_keys": HostKeys(trust=Trust.ACCEPT_NEW),
        "login": login,
    }
    return Target("127.0.0.1", port, **(values | changes))  # type: ignore[arg-type]  # the names are those of Target


def test_nothing_listens() -> None:
    with pytest.raises(ConnectionRefusedByHostError):
        SshDialer().dial(target(free_ports(1)[0]))


def test_a_name_without_an_address() -> None:
    with pytest.raises(UnknownNameError):
        SshDialer().dial(replace(target(22), address="no-such-name.invalid", connect=20))


def test_an_address_that_does_not_answer() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    waiting = []
    try:
        for _ in range(4):  # the queue is full: the kernel drops further requests
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting.append(sock)
        with pytest.raises(ConnectTimeoutError):
            SshDialer().dial(target(port))
    finally:
        for sock in (listener, *waiting):
            sock.close()


@pytest.mark.parametrize(
    ("serve", "error"),
    [
        (ssh_servers.silent, ConnectTimeoutError),
        (ssh_servers.garbage, NotSshError),
        (ssh_servers.endless, NotSshError),
        (ssh_servers.huge_packet, NotSshError),
        (ssh_servers.ends, NotSshError),
    ],
)
def test_servers_that_misbehave(serve: ssh_servers.Serve, error: type[EdgeadmError]) -> None:
    # Only the silent one needs the end of the time; the others are noticed before.
    connect = 0.5 if serve is ssh_servers.silent else 30.0
    with listening(serve) as port, pytest.raises(error) as caught:
        SshDialer().dial(target(port, connect=connect))
    assert isinstance(caught.value, UnreachableError)


def test_a_host_that_does_not_answer_the_login() -> None:
    server = PasswordServer(stalls=True)
    with listening(server) as port:
        started = time.monotonic()
        with pytest.raises(ConnectTimeoutError):
            SshDialer().dial(target(port, connect=1.5))
        assert time.monotonic() - started >= 1.5
    server.never.set()


def test_ipv6(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Sshd(tmp_path_factory.mktemp("six"), addresses=("::1",)).start()
    try:
        with closing(SshDialer().dial(server.target())) as remote:
            assert remote.shell("echo six").out == "six\n"
    finally:
        server.stop()


def test_a_host_that_stops_responding_is_lost(sshd: Sshd, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with closing(SshDialer().dial(replace(sshd.target(), silence=3.0))) as remote:
        try:
            with pytest.raises(UnreachableError) as caught:
                # The whole session of sshd stops, as a host does whose power is cut.
                remote.shell('echo $PPID >"$1"; kill -STOP $PPID; exec sleep 30', str(pid))
        finally:
            os.kill(int(pid.read_text()), signal.SIGKILL)
        assert "3 s" in caught.value.context
        ended = remote.wire
    assert not ended.active


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The second jump host, and the machines."""
    server = Sshd(tmp_path_factory.mktemp("behind"), ports=free_ports(5)).start()
    yield server
    server.stop()


def through(*jumps: Target, last: Target) -> Target:
    return replace(last, jumps=jumps)


def test_several_jump_hosts_are_shared(sshd: Sshd, behind: Sshd) -> None:
    first, second = sshd.target(), behind.target()
    dialer = SshDialer()
    machines = [through(first, second, last=replace(behind.target(), port=port)) for port in behind.ports[1:]]
    with closing(dialer), ThreadPoolExecutor(8) as pool:
        remotes = list(pool.map(dialer.dial, machines * 3))
        assert {remote.shell("echo there").out for remote in remotes} == {"there\n"}
        sockets = {id(remote.wire.sock.transport) for remote in remotes}
        assert len(sockets) == 1
        for remote in remotes:
            remote.close()


def test_an_unused_jump_host_is_disconnected(sshd: Sshd, behind: Sshd) -> None:
    dialer = SshDialer(linger=0)
    remote = dialer.dial(through(sshd.target(), last=behind.target()))
    jump = remote.wire.sock.transport
    remote.close()
    jump.join(20)
    assert not jump.is_alive()


def test_a_lost_jump_host_is_connected_again(sshd: Sshd, behind: Sshd) -> None:
    machine = through(sshd.target(), last=behind.target())
    with closing(SshDialer()) as dialer:
        before = dialer.dial(machine)
        before.wire.sock.transport.cut()
        with pytest.raises(UnreachableError):
            before.shell("echo x")
        with closing(dialer.dial(machine)) as after:
            assert after.shell("echo again").out == "again\n"
        before.close()
        with closing(dialer.dial(machine)) as after:
            assert after.shell("echo again").out == "again\n"


def test_problems_of_jump_hosts_name_the_hop(sshd: Sshd, behind: Sshd) -> None:
    dead = replace(sshd.target(), port=free_ports(1)[0])
    stranger = replace(behind.target(), login=replace(behind.target().login, key_files=(sshd.key,)))
    with closing(SshDialer()) as dialer:
        with pytest.raises(JumpUnreachableError) as caught:
            dialer.dial(through(dead, behind.target(), last=behind.target()))
        assert f":{dead.port}" in caught.value.message
        with pytest.raises(JumpRefusedError) as refused:
            dialer.dial(through(sshd.target(), stranger, last=behind.target()))
        assert f":{stranger.port}" in refused.value.message
        assert not isinstance(refused.value, UnreachableError)
        with pytest.raises(ConnectionRefusedByHostError, match="cannot connect"):
            dialer.dial(through(sshd.target(), last=replace(behind.target(), port=dead.port)))


def test_a_dead_jump_host_is_tried_once_for_all_that_wait() -> None:
    arrived: list[object] = []

    def serve(connection: socket.socket) -> None:
        arrived.append(connection)

    with listening(serve) as port, closing(SshDialer()) as dialer, ThreadPoolExecutor(8) as pool:
        start = threading.Barrier(8)

        def dial(number: int) -> bool:
            start.wait()
            try:
                dialer.dial(through(target(port, connect=3.0), last=target(22)))
            except JumpUnreachableError:
                return True
            return False

        assert all(pool.map(dial, range(8)))
    assert len(arrived) == 1


def test_a_jump_host_that_forbids_forwarding(tmp_path_factory: pytest.TempPathFactory, behind: Sshd) -> None:
    server = Sshd(tmp_path_factory.mktemp("closed"), options=("AllowTcpForwarding no",)).start()
    try:
        with closing(SshDialer()) as dialer, pytest.raises(ForwardingError) as caught:
            dialer.dial(through(server.target(), last=behind.target()))
        assert isinstance(caught.value, SshError)
    finally:
        server.stop()


def test_each_hop_has_its_own_login_and_host_keys(sshd: Sshd, behind: Sshd) -> None:
    wrong = replace(sshd.target(), host_keys=HostKeys(pinned=(behind.public(),)))
    with closing(SshDialer()) as dialer, pytest.raises(JumpRefusedError, match="ssh-host-key-changed"):
        dialer.dial(through(wrong, last=behind.target()))
