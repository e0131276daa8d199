"""The host over one shell, beyond the contract of hosts (tests/contract)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from edgeadm.errors import CommandError, UnreachableError
from edgeadm.hosts.base import FileInfo
from edgeadm.hosts.ssh.host import RemoteHost
from edgeadm.hosts.ssh.remote import SshRemote

pytestmark = pytest.mark.runs_programs


def test_all_requests_use_one_shell(remote: SshRemote, tmp_path: Path) -> None:
    with remote.host() as host:
        host.write(f"{tmp_path}/a", b"1")
        assert host.read(f"{tmp_path}/a") == b"1"
        assert host.ask("echo", "x").out == "x\n"
    assert remote.traffic.shells == 1


def test_a_command_cannot_read_the_requests(remote: SshRemote) -> None:
    with remote.host() as host:
        assert host.ask("cat").out == ""
        assert host.ask("sh", "-c", "read x; echo $?").out == "1\n"
        assert host.ask("echo", "still there").out == "still there\n"


def test_binary_data_is_kept(remote: SshRemote, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000 + b"\n\n"
    with remote.host() as host:
        host.write(f"{tmp_path}/it's a file", data, 0o640)
        assert host.read(f"{tmp_path}/it's a file") == data
        assert host.ask("wc", "-c", stdin=data).out.strip() == str(len(data))
    assert (tmp_path / "it's a file").read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["it's a file"]


def test_builtins_of_the_shell_are_programs_or_missing(remote: SshRemote) -> None:
    with remote.host() as host:
        assert host.ask("exit", "3").code == 127
        assert host.ask("set", "--", "x").code == 127
        assert host.ask("pwd").code == 0


def test_names_and_links_with_unusual_characters(remote: SshRemote, tmp_path: Path) -> None:
    names = ("-n", ".hidden", "..twice", "a b", "new\nline", "ü", "*")
    for name in names:
        (tmp_path / name).touch(mode=0o644)
    (tmp_path / "link").symlink_to("tar\nget")
    (tmp_path / "other").symlink_to("/nowhere")
    with remote.host() as host:
        assert host.names(str(tmp_path)) == tuple(sorted((*names, "link", "other")))
        found = host.stat_all([f"{tmp_path}/{name}" for name in (*names, "link", "other", "none")])
        assert host.stat_all([f"{tmp_path}/none"]) == {}
    assert set(found) == {f"{tmp_path}/{name}" for name in (*names, "link", "other")}
    assert found[f"{tmp_path}/link"] == FileInfo("link", 0o777, 7, "tar\nget")
    assert found[f"{tmp_path}/other"].target == "/nowhere"


def test_a_time_limit_is_status_124(remote: SshRemote) -> None:
    with remote.host() as host:
        assert host.ask("sleep", "600", timeout=0.2).code == 124
        assert host.ask("echo", "x").out == "x\n"


def test_questions_are_asked_in_one_message(remote: SshRemote, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with remote.host() as host:
        assert isinstance(host, RemoteHost)
        asks = [("echo", str(n)) for n in range(40)]
        host.prefetch(asks=asks, reads=[f"{tmp_path}/a"], names=[str(tmp_path)])
        sent = remote.traffic.sent
        assert [host.ask(*argv).out for argv in asks] == [f"{n}\n" for n in range(40)]
        assert host.read(f"{tmp_path}/a") == b"1"
        assert host.names(str(tmp_path)) == ("a",)
        assert remote.traffic.sent == sent
        host.ask("echo", "1")
        assert remote.traffic.sent > sent


def test_a_file_that_cannot_be_written_is_an_error(remote: SshRemote, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with remote.host() as host:
        with pytest.raises(CommandError, match="cannot write"):
            host.write(f"{tmp_path}/file/below", b"")
        assert host.read(f"{tmp_path}/file/below") is None
        with pytest.raises(CommandError, match="cannot read"):
            host.read(str(tmp_path))


def test_a_lost_connection_is_unreachable(remote: SshRemote) -> None:
    with remote.host() as host:
        remote.wire.cut()
        with pytest.raises(UnreachableError):
            host.ask("true")


def test_an_interrupted_request_does_not_answer_the_next_one(remote: SshRemote) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with closing(remote), remote.host() as host:
        with pytest.raises(KeyboardInterrupt):
            host.run("echo", "one", on_line=interrupt)
        with pytest.raises(UnreachableError):
            host.ask("echo", "two")
