"""What every Host promises, asked of each one: the fake is only worth something if it passes this too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.errors import CommandError
from edgeadm.hosts import FileInfo, Host, LocalHost, LoggedHost, RememberedHost, Result, RunLog
from edgeadm.hosts.fake import FakeHost
from edgeadm.hosts.ssh import SshDialer
from tests.below import Below
from tests.sshd import Sshd


@dataclass(frozen=True)
class Brought:
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def local(self) -> Path:
        return self.path


def local(folder: Path) -> Host:
    return LocalHost(root=folder)


def fake(_folder: Path) -> Host:
    return FakeHost(
        answers={
            "false": Result(code=1, err="it is false"),
            "echo": lambda _host, argv, _stdin: Result(out=" ".join(argv[1:]) + "\n"),
            "cat": lambda _host, _argv, stdin: Result(out=stdin.decode()),
            "no-such-program": Result(code=127),
        }
    )


def journaled(folder: Path) -> Host:
    real = LocalHost(root=folder)
    return JournaledHost(real, Journal(real, "init", "x"))


def logged(folder: Path) -> Host:
    return LoggedHost(LocalHost(root=folder), RunLog(folder / "log" / "run.log"))


def remembered(folder: Path) -> Host:
    return RememberedHost(LocalHost(root=folder))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd")).start()
    yield server
    server.stop()


@pytest.fixture(
    params=[local, fake, journaled, logged, remembered, "remote"],
    ids=lambda make: make if isinstance(make, str) else make.__name__,
)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    if request.param == "remote":
        target = request.getfixturevalue("sshd").target()
        with closing(SshDialer().dial(target)) as remote, remote.host() as real:
            yield Below(real, tmp_path / "root")
        return
    make: Callable[[Path], Host] = request.param
    yield make(tmp_path / "root")


def test_a_file_is_absent_written_replaced_and_removed(host: Host) -> None:
    assert host.read("/etc/x") is None
    assert host.stat("/etc/x") is None
    host.write("/etc/x", b"1")
    host.write("/etc/x", b"22", 0o600)
    assert host.read("/etc/x") == b"22"
    assert host.stat("/etc/x") == FileInfo("file", 0o600, 2)
    host.remove("/etc/x")
    host.remove("/etc/x")
    assert host.read("/etc/x") is None


def test_a_folder_lists_its_names(host: Host) -> None:
    assert host.names("/etc/cni") == ()
    host.write("/etc/cni/b", b"")
    host.write("/etc/cni/a/deep", b"")
    assert host.names("/etc/cni") == ("a", "b")
    found = host.stat("/etc/cni/a")
    assert found is not None
    assert found.kind == "dir"


def test_append_adds_to_the_end(host: Host) -> None:
    host.append("/var/log/x", b"a\n")
    host.append("/var/log/x", b"b\n")
    assert host.read("/var/log/x") == b"a\nb\n"


def test_put_brings_a_file_along(host: Host, tmp_path: Path) -> None:
    (tmp_path / "kubeadm").write_bytes(b"program")
    source = Brought(tmp_path / "kubeadm")
    host.put(source, "/usr/bin/kubeadm")
    assert host.read("/usr/bin/kubeadm") == b"program"
    assert host.stat("/usr/bin/kubeadm") == FileInfo("file", 0o755, 7)


def test_run_raises_with_what_the_command_said_and_ask_returns(host: Host) -> None:
    assert host.ask("false").code == 1
    with pytest.raises(CommandError, match="`false` exited with status 1") as caught:
        host.run("false")
    assert caught.value.status == 1


def test_a_program_that_does_not_exist_is_status_127(host: Host) -> None:
    assert host.ask("no-such-program").code == 127


def test_an_argument_reaches_the_command_as_it_is(host: Host) -> None:
    assert host.ask("echo", "it's", "$HOME", "a;b").out == "it's $HOME a;b\n"


def test_stdin_reaches_the_command(host: Host) -> None:
    assert host.run("cat", stdin=b"hello").out.strip() == "hello"


def test_lines_are_told_while_a_command_runs(host: Host) -> None:
    lines: list[str] = []
    host.run("echo", "one", on_line=lines.append)
    assert lines == ["one"]


def test_the_stamp_tells_a_file_that_was_written_again(host: Host) -> None:
    host.write("/usr/bin/x", b"one")
    first, again = host.stat("/usr/bin/x"), host.stat("/usr/bin/x")
    host.write("/usr/bin/x", b"two")
    second = host.stat("/usr/bin/x")
    assert first is not None
    assert again is not None
    assert second is not None
    assert first.stamp == again.stamp != ""
    assert second.stamp not in ("", first.stamp)
    assert second == first  # two files of one kind, mode and size are alike


def test_several_files_are_written_and_looked_at_at_once(host: Host) -> None:
    host.write_all({"/a/x": (b"1", 0o600), "/a/y": (b"22", 0o755)})
    assert (host.read("/a/x"), host.read("/a/y")) == (b"1", b"22")
    assert host.stat_all(["/a/x", "/a/none", "/none/x", "/a/y"]) == {
        "/a/x": FileInfo("file", 0o600, 1),
        "/a/y": FileInfo("file", 0o755, 2),
    }
    host.remove("/a/x")
    assert set(host.stat_all(["/a/x", "/a/y"])) == {"/a/y"}


def test_several_sources_are_brought_along_and_what_is_there_then_comes_back(
    host: Host, tmp_path: Path
) -> None:
    brought = tmp_path / "brought"
    brought.write_bytes(b"#!x")
    source = Brought(brought)
    found = host.put_all([(source, "/p/x", 0o755), (source, "/p/y", 0o644)])
    assert found == {"/p/x": FileInfo("file", 0o755, 3), "/p/y": FileInfo("file", 0o644, 3)}
    for path, info in found.items():
        now = host.stat(path)
        assert now is not None
        assert now.stamp == info.stamp
    assert host.put_all([(source, "/p/x", 0o755)]).keys() == {"/p/x"}
