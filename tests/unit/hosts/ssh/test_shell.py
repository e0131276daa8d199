"""Scripts in a shell of a real sshd."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_DATA

from edgeadm.config.secret import Secret
from edgeadm.errors import UnreachableError
from edgeadm.hosts.ssh import Login, SshDialer, Sudo
from edgeadm.hosts.ssh.errors import (
    ConnectionLostError,
    NoShellError,
    ScriptError,
    SudoDeniedError,
    SudoPasswordError,
)
from edgeadm.hosts.ssh.remote import SshRemote
from edgeadm.hosts.ssh.wire import OrderedChannel, Wire
from tests.sshd import USER, Sshd

pytestmark = pytest.mark.runs_programs

HOSTILE = (
    "it's",
    '"$(id)"',
    "`id`",
    "a\\b\\c",
    "!!",
    "line\nline",
    "ü\u2028",
    "",
    " ",
    "-n",
    "*",
    "$HOME;id",
    "%s\t",
)


def test_arguments_arrive_as_they_are(remote: SshRemote) -> None:
    done = remote.shell("""for each; do printf '%s\\0' "$each"; done""", *HOSTILE)
    assert done.out.split("\0") == [*HOSTILE, ""]


def test_an_argument_with_nul_is_rejected(remote: SshRemote) -> None:
    with pytest.raises(ScriptError):
        remote.shell("true", "a\0b")


def test_a_script_may_be_longer_than_an_argument_of_linux(remote: SshRemote) -> None:
    script = "# " + "x'" * 100_000 + "\nhead -c 4\nprintf %s $#"
    assert remote.shell(script, "a", "b", stdin=[b"data"]).out == "data2"


def test_output_errors_and_status_are_separate(remote: SshRemote) -> None:
    done = remote.shell("echo out; echo err >&2; exit 3")
    assert (done.out, done.err, done.code) == ("out\n", "err\n", 3)


def test_a_signal_is_a_status_above_128(remote: SshRemote) -> None:
    assert remote.shell("kill -TERM $$").code == 143


def test_large_data_flows_in_both_directions_at_once(remote: SshRemote) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * 250_000

    done = remote.shell("tee /dev/stderr", stdin=blocks())
    assert (len(done.out), len(done.err)) == (16_000_000, 16_000_000)
    assert remote.traffic.sent == 16_000_000
    assert remote.traffic.received > 32_000_000


def test_a_script_that_does_not_read_its_stdin_ends(remote: SshRemote) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    # Data that is on its way when the script ends must not end the connection.
    assert {remote.shell("exec 0</dev/null; exit 5", stdin=endless()).code for _ in range(20)} == {5}


def test_an_error_of_the_source_of_stdin_is_raised(remote: SshRemote) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk is broken")

    with pytest.raises(OSError, match="the disk is broken"):
        remote.shell("cat", stdin=broken())


def test_lines_arrive_while_the_script_runs(remote: SshRemote) -> None:
    first = threading.Event()

    def waits() -> Iterator[bytes]:
        assert first.wait(20)
        yield b"two\nthree"

    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        first.set()

    remote.shell("echo one; exec cat", stdin=waits(), on_line=on_line)
    assert lines == ["one", "two", "three"]


def test_a_time_limit_is_status_124_and_ends_the_command(remote: SshRemote, tmp_path: Path) -> None:
    done = remote.shell("""echo $$ >"$1"; exec sleep 30""", str(tmp_path / "pid"), timeout=2)
    assert done.code == 124
    pid = (tmp_path / "pid").read_text().strip()
    assert remote.shell('kill -0 "$1"', pid).code != 0


def test_a_lost_connection_is_unreachable(remote: SshRemote) -> None:
    with pytest.raises(UnreachableError):
        remote.shell("kill -9 $PPID; exec sleep 30")
    with pytest.raises(ConnectionLostError):
        remote.shell("true")


def test_a_closed_connection_cannot_be_used(remote: SshRemote) -> None:
    remote.close()
    remote.close()
    with pytest.raises(ConnectionLostError):
        remote.shell("true")


def test_noise_of_the_login_shell_is_not_output(sshd: Sshd, remote: SshRemote) -> None:
    rc = sshd.folder / "home" / ".bashrc"
    rc.write_text("echo welcome; echo news >&2\n")
    try:
        done = remote.shell("echo out; echo err >&2")
    finally:
        rc.unlink()
    assert (done.out, done.err) == ("out\n", "err\n")


@pytest.mark.parametrize("command", ["/bin/false", "echo This account is not available; exit 1"])
def test_a_user_without_a_shell_is_named(command: str, tmp_path: Path) -> None:
    server = Sshd(tmp_path, options=(f"ForceCommand {command}",)).start()
    try:
        with closing(SshDialer().dial(server.target())) as remote, pytest.raises(NoShellError):
            remote.shell("true")
    finally:
        server.stop()


SUDO = """#!/bin/sh
# As sudo: -n does not ask, -S reads one line of stdin without reading more, three attempts.
echo "$0 $*" >>{log}
if [ "$1" = -n ]; then
  [ {free} = yes ] || {{ echo "sudo: a password is required" >&2; exit 1; }}
  shift 2
else
  prompt=$3
  shift 4
  for attempt in 1 2 3; do
    [ {free} = yes ] && break
    printf %s "$prompt" >&2
    IFS= read -r given
    [ "$given" = {password} ] && break
    echo "Sorry, try again." >&2
  done
fi
[ {allowed} = yes ] || {{ echo "Sorry, user x is not allowed to execute '/bin/sh' as root." >&2; exit 1; }}
SUDO=1 exec "$@"
"""


class Elevated:
    """A remote for a user that is not root, with a program that behaves as sudo."""

    def __init__(self, server: Sshd, password: str | None) -> None:
        self.server = server
        login = replace(server.target().login, sudo=Sudo.ALWAYS)
        if password is not None:
            login = replace(login, sudo_password=Secret(password))
        self.remote = SshDialer().dial(replace(server.target(), login=login))

    def install(self, free: str = "no", password: str = "pa55", allowed: str = "yes") -> None:
        path = self.server.bin / "sudo"
        log = self.server.folder / "sudo.log"
        path.write_text(SUDO.format(free=free, password=password, allowed=allowed, log=log))
        path.chmod(0o755)


@pytest.fixture
def elevate(sshd: Sshd) -> Iterator[type[Elevated]]:
    yield Elevated
    (sshd.bin / "sudo").unlink(missing_ok=True)


def test_sudo_with_a_password_leaves_stdin_to_the_script(elevate: type[Elevated], sshd: Sshd) -> None:
    user = elevate(sshd, "pa55")
    user.install()
    with closing(user.remote) as remote:
        assert remote.shell("cat; printf %s $SUDO", stdin=[b"data\n"]).out == "data\n1"
        assert remote.shell("printf '<%s>' \"$SUDO\"", root=False).out == "<>"
        with remote.host() as host:
            assert host.ask("printenv", "SUDO").out == "1\n"
    assert "pa55" not in (sshd.folder / "sudo.log").read_text()


def test_a_password_that_sudo_does_not_ask_for_is_not_sent(elevate: type[Elevated], sshd: Sshd) -> None:
    user = elevate(sshd, "pa55")
    user.install(free="yes")
    with closing(user.remote) as remote:
        assert remote.shell("cat", stdin=[b"data\n"]).out == "data\n"


def test_sudo_without_a_password(elevate: type[Elevated], sshd: Sshd) -> None:
    user = elevate(sshd, None)
    user.install(free="yes")
    with closing(user.remote) as remote:
        assert remote.shell("cat; printf %s $SUDO", stdin=[b"data\n"]).out == "data\n1"


def test_problems_of_sudo_are_told_apart(elevate: type[Elevated], sshd: Sshd) -> None:
    wrong, none = elevate(sshd, "other"), elevate(sshd, None)
    with closing(wrong.remote), closing(none.remote):
        none.install()
        with pytest.raises(SudoPasswordError):
            none.remote.shell("true")
        with pytest.raises(SudoPasswordError) as caught:
            wrong.remote.shell("true")
        assert "other" not in f"{caught.value} {caught.value.context}"
        none.install(free="yes", allowed="no")
        with pytest.raises(SudoDeniedError):
            none.remote.shell("true")


def test_a_script_that_fails_like_sudo_is_not_taken_for_it(elevate: type[Elevated], sshd: Sshd) -> None:
    user = elevate(sshd, None)
    user.install(free="yes")
    with closing(user.remote) as remote:
        assert remote.shell("echo 'sudo: a password is required' >&2; exit 1").code == 1


def test_root_does_not_need_sudo() -> None:
    assert not Login(user="root").elevates
    assert Login(user=USER if USER != "root" else "ops").elevates


def test_data_after_the_end_of_a_channel_is_not_sent(remote: SshRemote) -> None:
    """paramiko's threads may do this; sshd answers it by ending the connection with all of its channels."""
    channels = [remote.wire.open_channel("session") for _ in range(4)]
    channel = channels[-1]
    late = paramiko.Message()
    late.add_byte(cMSG_CHANNEL_DATA)
    late.add_int(channel.remote_chanid)
    late.add_string(b"late")
    late.channel = channel  # type: ignore[attr-defined]  # as OrderedChannel does
    for each in channels:
        each.close()
    remote.shell("true")  # sshd has forgotten the last channel, and uses the number of the first one again
    remote.wire._send_user_message(late)
    assert remote.shell("echo there").out == "there\n"


def test_a_channel_of_a_lost_connection_is_closed_without_an_error() -> None:
    """The thread of a connection behind a jump host closes its channel as its last action."""
    here, there = socket.socketpair()
    with closing(here):
        wire = Wire(here, ())
        wire.active = True
        wire.clear_to_send.set()
        channel = OrderedChannel(1)
        channel._set_transport(wire)
        channel.active = True
        there.close()
        channel.close()
        assert channel.closed
