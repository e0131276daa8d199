"""Files for a machine: the script runs with the sh of this host, in a temporary root."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgeadm.fleet.bundle import Bundle
from edgeadm.fleet.chunks import Chunk, piece_of
from edgeadm.fleet.errors import LoadError, NoSpaceError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.inspect import parse
from edgeadm.fleet.inspect_script import SCRIPT as INSPECT
from edgeadm.fleet.lan import Server, table
from edgeadm.fleet.load import Sender, is_loaded, load
from edgeadm.fleet.throttle import Throttle
from edgeadm.fleet.work import LanSource, Loaded
from edgeadm.hosts.base import OnLine, Result
from edgeadm.hosts.remote import Traffic
from tests.fake_remotes import FakeRemote

CHUNK = 1000
BARE = Facts("a", "amd64")


@dataclass
class Machine:
    """A Remote whose scripts run in a root, with stdin and output at the same time. `cut` is the number of
    bytes of stdin after which the connection is lost."""

    root: Path
    cut: int | None = None
    traffic: Traffic = None  # type: ignore[assignment]

    def shell(
        self,
        script: str,
        *args: str,
        stdin: Iterable[bytes] = (),
        on_line: OnLine | None = None,
        timeout: float | None = None,
        root: bool = True,
    ) -> Result:
        assert args[0] == ""
        argv = ["sh", "-c", script, "sh", str(self.root), *args[1:]]
        with subprocess.Popen(argv, bufsize=0, stdin=-1, stdout=-1, stderr=-1) as process:
            sender = threading.Thread(target=self._send, args=(process, stdin))
            sender.start()
            out: list[str] = []
            for raw in process.stdout or ():
                out.append(raw.decode().rstrip("\n"))
                if on_line is not None:
                    on_line(out[-1])
            err = process.stderr.read().decode() if process.stderr else ""
            sender.join()
        return Result((), process.returncode, "\n".join(out), err)

    def _send(self, process: subprocess.Popen[bytes], stdin: Iterable[bytes]) -> None:
        assert process.stdin is not None
        left = self.cut
        for block in stdin:
            part = block if left is None else block[:left]
            process.stdin.write(part)
            if left is not None:
                left -= len(part)
                if not left:
                    break
        process.stdin.close()

    @property
    def facts(self) -> Facts:
        return parse(self.shell(INSPECT, "").out)


@contextmanager
def served(files: list[Path]) -> Iterator[LanSource]:
    stop = threading.Event()
    server = Server(table(files, CHUNK), "127.0.0.1", 1.0, 1.0, now=lambda: 9.0 if stop.is_set() else 0.0)
    with server.open() as listener:
        thread = threading.Thread(target=server.run, args=(listener,))
        thread.start()
        yield LanSource("127.0.0.1", listener.getsockname()[1], 0.0)
        stop.set()
        thread.join()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    folder = tmp_path / "controller"
    folder.mkdir()
    data = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, data, mtime=0) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        program = b"#!/bin/sh\necho edgeadm\n"
        info = tarfile.TarInfo("edgeadm")
        info.size, info.mode = len(program), 0o755
        archive.addfile(info, io.BytesIO(program))
    (folder / "edgeadm.tar.gz").write_bytes(data.getvalue())
    (folder / "package").write_bytes(b"".join(b"%09d\n" % each for each in range(350)))
    return Bundle(piece_of(folder / "edgeadm.tar.gz", CHUNK), piece_of(folder / "package", CHUNK), 1000)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root = tmp_path / "machine"
    (root / "proc").mkdir(parents=True)
    return Machine(root)


def is_complete(machine: Machine, bundle: Bundle) -> bool:
    state = machine.root / "var/lib/edgeadm-fleet"
    program = machine.root / f"opt/edgeadm/{bundle.tree}/edgeadm"
    return (
        (state / f"files/{bundle.package.sha256}").read_bytes() == bundle.package.path.read_bytes()
        and program.stat().st_mode & 0o777 == 0o755
        and (machine.root / "usr/local/bin/edgeadm").readlink() == program
        and state.stat().st_mode & 0o777 == 0o700
        and list((state / "incoming").iterdir()) == []
        and sorted(each.name for each in state.iterdir()) == ["files", "incoming"]
    )


@pytest.mark.runs_programs
def test_nothing_is_sent_twice(machine: Machine, bundle: Bundle) -> None:
    assert load(machine, bundle, machine.facts).wan > bundle.package.size
    assert is_complete(machine, bundle)
    facts = machine.facts
    assert is_loaded(bundle, facts.stored)
    assert load(FakeRemote(), bundle, facts) == Loaded()


@pytest.mark.runs_programs
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("more", [1, 300, 600])
def test_a_load_resumes_at_each_chunk(machine: Machine, bundle: Bundle, number: int, more: int) -> None:
    """The connection is lost after a number of chunks: within the header or the data of the next one."""
    every = [each for piece in bundle.pieces for each in piece.chunks]
    whole = sum(in_tar(each) for each in every[:number])
    with pytest.raises(LoadError):
        load(replace(machine, cut=len(plan_of(bundle)) + whole + more), bundle, machine.facts)
    facts = machine.facts
    assert [each for piece in bundle.pieces for each in piece.missing(facts.stored)] == every[number:]
    assert load(machine, bundle, facts).wan == sum(map(in_tar, every[number:])) + 1024
    assert is_complete(machine, bundle)


def in_tar(chunk: Chunk) -> int:
    return 512 + chunk.size + -chunk.size % 512


@pytest.mark.runs_programs
def test_equal_chunks_are_sent_once(machine: Machine, bundle: Bundle, tmp_path: Path) -> None:
    zeros = tmp_path / "zeros"
    zeros.write_bytes(bytes(5 * CHUNK))
    many = replace(bundle, package=piece_of(zeros, CHUNK))
    assert load(machine, many, machine.facts).wan < 4 * CHUNK
    assert is_complete(machine, many)


def plan_of(bundle: Bundle) -> bytes:
    sent: list[bytes] = []

    def answer(call: object) -> Result:
        sent.append(call.stdin)  # type: ignore[attr-defined]
        return Result(out="loaded")

    load(FakeRemote({"echo loaded": answer}), bundle, BARE)
    return sent[0].partition(b"end\n")[0] + b"end\n"


@pytest.mark.runs_programs
def test_a_damaged_chunk_is_deleted_and_sent_again(machine: Machine, bundle: Bundle) -> None:
    chunk = bundle.package.chunks[1]
    incoming = machine.root / "var/lib/edgeadm-fleet/incoming"
    incoming.mkdir(parents=True)
    (incoming / chunk.name).write_bytes(b"x" * chunk.size)
    with pytest.raises(LoadError, match="differs"):
        load(machine, bundle, machine.facts)
    facts = machine.facts
    assert bundle.package.missing(facts.stored) == (chunk,)
    load(machine, bundle, facts)
    assert is_complete(machine, bundle)


@pytest.mark.runs_programs
def test_files_of_an_earlier_load_are_removed_unless_they_are_used(machine: Machine, bundle: Bundle) -> None:
    programs = machine.root / "opt/edgeadm"
    old, used, other = programs / ("a" * 20), programs / ("b" * 20), programs / "mine"
    for each in (old, used, other):
        each.mkdir(parents=True)
        (each / "edgeadm").write_text("#!/bin/sh\n", encoding="utf-8")
    unit = machine.root / "etc/systemd/system/x.service"
    unit.parent.mkdir(parents=True)
    unit.write_text(f"ExecStart={used}/edgeadm\n", encoding="utf-8")
    link = machine.root / "usr/local/bin/edgeadm"
    link.parent.mkdir(parents=True)
    link.symlink_to(old / "edgeadm")
    stale = machine.root / "var/lib/edgeadm-fleet/files" / ("c" * 64)
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"x")
    load(machine, bundle, machine.facts)
    assert is_complete(machine, bundle)
    assert not old.exists()
    assert not stale.exists()
    assert used.is_dir()
    assert other.is_dir()


@pytest.mark.runs_programs
def test_an_edgeadm_of_others_keeps_its_place(machine: Machine, bundle: Bundle) -> None:
    place = machine.root / "usr/local/bin/edgeadm"
    place.parent.mkdir(parents=True)
    place.write_text("other", encoding="utf-8")
    load(machine, bundle, machine.facts)
    assert place.read_text(encoding="utf-8") == "other"


@pytest.mark.runs_programs
def test_chunks_come_from_the_site_first(machine: Machine, bundle: Bundle) -> None:
    with served([bundle.package.path]) as source:
        loaded = load(machine, bundle, machine.facts, source=source)
    assert loaded.lan == bundle.package.size
    assert loaded.wan < bundle.executable.size + 2048
    assert is_complete(machine, bundle)


@pytest.mark.runs_programs
def test_wrong_bytes_of_the_site_are_not_used(machine: Machine, bundle: Bundle, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(bundle.package.path.read_bytes())
    with served([wrong]) as source:
        wrong.write_bytes(b"y" * bundle.package.size)
        loaded = load(machine, bundle, machine.facts, source=source)
    assert loaded.lan == 0
    assert is_complete(machine, bundle)


@pytest.mark.parametrize(("place", "free"), [("/var/lib", 64), ("/opt", 64), ("/", 10)])
def test_a_full_disk_is_known_before(bundle: Bundle, place: str, free: int) -> None:
    large = replace(bundle, unpacked=50 << 20, package=replace(bundle.package, size=100 << 20))
    with pytest.raises(NoSpaceError):
        load(FakeRemote(), large, replace(BARE, free_mib={place: free}))


@pytest.mark.parametrize(
    ("code", "err", "error"),
    [
        (28, "", NoSpaceError),
        (1, "tar: No space left on device", NoSpaceError),
        (1, "odd", LoadError),
        (0, "", LoadError),
    ],
)
def test_a_failure_of_the_script_has_a_reason(bundle: Bundle, code: int, err: str, error: type) -> None:
    with pytest.raises(error):
        load(FakeRemote({"echo loaded": Result(code=code, err=err)}), bundle, BARE)


def test_a_machine_cannot_ask_for_other_files(bundle: Bundle) -> None:
    """The names that it asks for are looked up in the plan."""
    sender = Sender(bundle.pieces, frozenset(), LanSource("a", 1, 0.0), Throttle())
    for line in ("need ../../etc/shadow", f"need {'0' * 64}.5", "lan x", "send"):
        sender.on_line(line)
    data = b"".join(sender.data())
    assert data.endswith(bytes(1024))
    assert sender.sent == 1024
    assert sender.lan == 0
