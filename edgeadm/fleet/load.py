"""Sends the files of a role to a machine, in one shell, without those that the machine has already."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from edgeadm.fleet.bundle import Bundle
from edgeadm.fleet.chunks import NAME, Chunk, Piece, stream
from edgeadm.fleet.errors import LoadError, NoSpaceError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.layout import EXECUTABLE, PROGRAMS, STATE
from edgeadm.fleet.load_script import SCRIPT
from edgeadm.fleet.throttle import Throttle
from edgeadm.fleet.work import LanSource, Loaded
from edgeadm.hosts.base import Result
from edgeadm.hosts.remote import Remote

MIB = 1 << 20
MARGIN_MIB = 64
# Seconds that a machine may take for the chunks of its site before the rest is sent.
LAN_PATIENCE = 1800.0
NO_SPACE, EARLY, INCOMPLETE, DIFFERENT = 28, 74, 75, 76


def is_loaded(bundle: Bundle, stored: Collection[str], *, only_executable: bool = False) -> bool:
    """Whether the machine has the files, and the executable is unpacked."""
    pieces = bundle.pieces[:1] if only_executable else bundle.pieces
    return EXECUTABLE + bundle.tree in stored and all(each.sha256 in stored for each in pieces)


def load(
    remote: Remote,
    bundle: Bundle,
    facts: Facts,
    *,
    source: LanSource | None = None,
    throttle: Throttle | None = None,
    only_executable: bool = False,
) -> Loaded:
    """Store the bundle on the machine; no shell is opened if it is there already.

    Raises NoSpaceError, LoadError if the files differ from those that were sent, UnreachableError: chunks
    that arrived completely are not sent again.
    """
    if is_loaded(bundle, facts.stored, only_executable=only_executable):
        return Loaded()
    pieces = bundle.pieces[:1] if only_executable else bundle.pieces
    _check_space(bundle, pieces, facts)
    sender = Sender(pieces, facts.stored, source, throttle or Throttle())
    place = (source.address, str(source.port)) if source else ("", "")
    words = ("", bundle.tree, bundle.executable.sha256, *place)
    try:
        done = remote.shell(SCRIPT, *words, stdin=sender.data(), on_line=sender.on_line)
    finally:
        sender.stop()
    if done.code or "loaded" not in done.out.split():
        raise _failed(done)
    return Loaded(wan=sender.sent, lan=sender.lan)


def _check_space(bundle: Bundle, pieces: Sequence[Piece], facts: Facts) -> None:
    """The chunks and the assembled files exist at the same time, for each file."""
    missing = sum(chunk.size for piece in pieces for chunk in piece.missing(facts.stored))
    largest = max((piece.size for piece in pieces if piece.sha256 not in facts.stored), default=0)
    unpacked = 0 if EXECUTABLE + bundle.tree in facts.stored else bundle.unpacked
    for place, needed in (("/var/lib", missing + largest), ("/opt", unpacked)):
        free = facts.free_mib.get(place, facts.free_mib.get("/"))
        wanted = needed // MIB + MARGIN_MIB
        if needed and free is not None and free < wanted:
            directory = {"/var/lib": STATE, "/opt": PROGRAMS}[place]
            raise NoSpaceError(
                f"{directory} requires {wanted} MiB, but {free} MiB are free",
                hint=f"free space on the file system of {place}",
            )


def _failed(done: Result) -> LoadError | NoSpaceError:
    text = done.err.strip()[-2000:]
    if done.code == NO_SPACE or "No space left" in text:
        return NoSpaceError(
            "the disk of the machine is full", context=text, hint="free space there, and repeat the command"
        )
    why = {
        EARLY: "the stream of chunks ended early",
        INCOMPLETE: "a chunk is not complete",
        DIFFERENT: "the content differs from what was sent, damaged chunks were deleted",
    }.get(done.code, f"the shell exited with status {done.code}")
    return LoadError(
        f"the files could not be stored: {why}",
        context=text,
        hint="repeat the command: chunks that are complete are not sent again",
    )


@dataclass
class Sender:
    """The stdin of the script: the plan, then the chunks that the machine lacks. With a source on the LAN,
    the machine tells which ones it did not get there."""

    pieces: Sequence[Piece]
    stored: Collection[str]
    source: LanSource | None
    throttle: Throttle
    sent: int = 0
    lan: int = 0
    _asked: set[str] = field(default_factory=set)
    _go: threading.Event = field(default_factory=threading.Event)
    _stopped: bool = False

    def data(self) -> Iterator[bytes]:
        yield self._plan()
        if self.source is not None:
            self._go.wait(LAN_PATIENCE)
            if self._stopped:
                return
        for block in self.throttle.through(stream(self._wanted())):
            self.sent += len(block)
            yield block

    def on_line(self, line: str) -> None:
        word, _, name = line.partition(" ")
        if word == "send":
            self._go.set()
        elif word == "need" and NAME.fullmatch(name):
            self._asked.add(name)
        elif word == "lan" and NAME.fullmatch(name):
            self.lan += int(name.rpartition(".")[2])

    def stop(self) -> None:
        """Wake up the thread that sends, if it waits."""
        self._stopped = True
        self._go.set()

    def _missing(self) -> Iterator[tuple[Piece, Chunk]]:
        return ((piece, chunk) for piece in self.pieces for chunk in piece.missing(self.stored))

    def _wanted(self) -> Iterator[tuple[Piece, Chunk]]:
        """Only chunks of the plan: the machine cannot ask for others."""
        for piece, chunk in self._missing():
            if self.source is None or chunk.name in self._asked:
                yield piece, chunk

    def _plan(self) -> bytes:
        lines: list[str] = []
        for piece in self.pieces:
            lines += [f"file {piece.sha256}"]
            # An assembled file needs no chunks.
            lines += [] if piece.sha256 in self.stored else [f"chunk {each.name}" for each in piece.chunks]
            lines += [""]
        return "\n".join([*lines, "end", ""]).encode()
