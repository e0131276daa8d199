"""Targets from ssh_config."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.hosts.ssh import HostKeys, Login, Target, Trust
from edgeadm.hosts.ssh.config import from_ssh_config
from edgeadm.hosts.ssh.errors import SshConfigError

BASE = Target("")


def read(tmp_path: Path, text: str, alias: str = "node", base: Target = BASE) -> Target:
    (tmp_path / "config").write_text(text)
    return from_ssh_config(alias, base, tmp_path / "config")


def test_values_of_the_host(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()
    found = read(
        tmp_path,
        f"""
        Host node
          HostName 10.0.0.7
          Port 2222
          User ops
          IdentityFile {key}
          IdentityFile {tmp_path}/none
          IdentitiesOnly yes
          UserKnownHostsFile {tmp_path}/known {tmp_path}/more
          StrictHostKeyChecking accept-new
          ConnectTimeout 7
          HostKeyAlias shop-7
        Host *
          User other
        """,
    )
    assert (found.address, found.port, found.connect) == ("10.0.0.7", 2222, 7.0)
    assert (found.login.user, found.login.key_files, found.login.agent) == ("ops", (key,), False)
    assert found.host_keys.files[:2] == (tmp_path / "known", tmp_path / "more")
    assert found.host_keys.learned == tmp_path / "known"
    assert (found.host_keys.trust, found.host_keys.alias) == (Trust.ACCEPT_NEW, "shop-7")


def test_values_of_the_document_win(tmp_path: Path) -> None:
    base = Target(
        "",
        port=3,
        login=Login(user="edge", key_files=(tmp_path / "own",)),
        host_keys=HostKeys(files=(tmp_path / "files",), learned=tmp_path / "learned"),
        connect=5,
    )
    text = "Host *\n User x\n Port 9\n IdentityFile /x\n UserKnownHostsFile /y\n ConnectTimeout 9\n"
    found = read(tmp_path, text, base=base)
    assert (found.port, found.login.user, found.login.key_files) == (3, "edge", (tmp_path / "own",))
    assert (found.host_keys.files, found.host_keys.learned) == (base.host_keys.files, tmp_path / "learned")
    assert found.connect == 5


def test_a_missing_file_and_an_unknown_alias(tmp_path: Path) -> None:
    assert from_ssh_config("node", BASE, tmp_path / "none").address == "node"
    assert read(tmp_path, "Host other\n Port 1\n").port == 22


def test_jump_hosts_in_their_order(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        Host node
          ProxyJump first,second
        Host first
          HostName 10.0.0.1
          User one
          ProxyJump root@[2001:db8::1]:22022
        Host second
          HostName 10.0.0.2
          Port 2
          ProxyJump ignored
        """,
    )
    places = [(jump.address, jump.port, jump.login.user, jump.jumps) for jump in found.jumps]
    assert places == [
        ("2001:db8::1", 22022, "root", ()),
        ("10.0.0.1", 22, "one", ()),
        ("10.0.0.2", 2, "root", ()),
    ]


def test_a_loop_of_jump_hosts(tmp_path: Path) -> None:
    with pytest.raises(SshConfigError, match="loop"):
        read(tmp_path, "Host node\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n")


@pytest.mark.parametrize(
    "command",
    ["ssh -W %h:%p gate", "ssh -q -W [%h]:%p -l ops -p 2022 gate", "/usr/bin/ssh gate -W %h:%p"],
)
def test_a_proxy_command_that_is_a_jump_host(tmp_path: Path, command: str) -> None:
    found = read(
        tmp_path, f"Host node\n HostName 10.0.0.7\n ProxyCommand {command}\nHost gate\n HostName 10.0.0.1\n"
    )
    (jump,) = found.jumps
    assert jump.address == "10.0.0.1"
    assert (jump.port, jump.login.user) == ((2022, "ops") if "2022" in command else (22, "root"))


@pytest.mark.parametrize(
    "line",
    [
        "ProxyCommand nc %h %p",
        "ProxyCommand ssh -W %h:%p gate; id",
        "ProxyCommand ssh -W other:22 gate",
        "ProxyCommand ssh -o ProxyCommand=id -W %h:%p gate",
        "Port many",
        "StrictHostKeyChecking perhaps",
        "Match exec id",
        "ProxyJump gate:port",
    ],
)
def test_values_that_are_not_supported(tmp_path: Path, line: str) -> None:
    with pytest.raises(SshConfigError):
        read(tmp_path, f"Host node\n {line}\n")


def test_included_files(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host node\n User more\nHost other\n Port 1\n")
    found = read(tmp_path, f"Include {tmp_path}/mor*\nHost node\n Include none\n Port 5\n")
    assert (found.login.user, found.port) == ("more", 5)
    (tmp_path / "more").write_text(f"Include {tmp_path}/more\n")
    with pytest.raises(SshConfigError):
        read(tmp_path, "Include more\nPort 7\n")
