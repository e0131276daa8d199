"""Runs edgeadm on a machine as a transient unit, which survives the connection, and follows its events."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeadm.config.secret import unmarked
from edgeadm.fleet.errors import InterruptedRunError, StartError
from edgeadm.fleet.follow import Following
from edgeadm.fleet.layout import UNIT
from edgeadm.fleet.unit_script import END, FOLLOW_ONLY, RUN, START_AND_FOLLOW
from edgeadm.hosts.base import Result
from edgeadm.hosts.remote import Remote

BUSY, LOST, NOT_STARTED, STREAM = 8, 70, 69, 74


@dataclass(frozen=True)
class Run:
    """A run on a machine: its verb and its identifier."""

    verb: str
    identifier: str

    @property
    def unit(self) -> str:
        return f"{UNIT}-{self.verb}-{self.identifier}.service"

    @classmethod
    def of(cls, unit: str) -> Run:
        """The run of a unit."""
        verb, _, identifier = unit.removeprefix(f"{UNIT}-").removesuffix(".service").partition("-")
        return cls(verb, identifier)


def start(
    remote: Remote,
    run: Run,
    program: str,
    following: Following,
    *,
    config: Sequence[Mapping[str, Any]] = (),
    record: Mapping[str, Any] | None = None,
    purge: bool = False,
) -> None:
    """Start the run and follow it until it ends, in one shell. The documents of `config` and their secrets
    go through stdin to a file in memory. With `purge`, all files of fleets are removed after success.

    Raises LockedError, StartError, InterruptedRunError, RunFailedError, UnreachableError.
    """
    files = {
        "run.sh": RUN.encode(),
        "end.sh": END.encode(),
        "config.yaml": _yaml(config),
        "applied.json": json.dumps(dict(record or {}), sort_keys=True).encode() + b"\n",
    }
    _shell(remote, START_AND_FOLLOW, run, program, following, purge=purge, stdin=_tar(files))


def follow(remote: Remote, run: Run, following: Following, *, purge: bool = False) -> None:
    """Follow a run that was started earlier, from the first line that was not seen.

    Raises InterruptedRunError, RunFailedError, LockedError, UnreachableError.
    """
    _shell(remote, FOLLOW_ONLY, run, "-", following, purge=purge, stdin=iter(()))


def _shell(
    remote: Remote,
    script: str,
    run: Run,
    program: str,
    following: Following,
    *,
    purge: bool,
    stdin: Iterator[bytes],
) -> None:
    words = ("", run.verb, run.identifier, program, str(following.lines + 1), "purge" if purge else "")
    done = remote.shell(script, *words, stdin=stdin, on_line=following.on_line)
    if done.code in (NOT_STARTED, STREAM):
        raise StartError(
            f"the unit {run.unit} was not started",
            context=done.err.strip()[-2000:],
            hint="check `systemctl status` and the free memory of the machine",
        )
    if done.code == LOST:
        raise InterruptedRunError(
            f"the machine has no events of the run {run.identifier}",
            hint="repeat the command: an interrupted join continues",
        )
    following.finish(done.code, _tail(done))


def _tail(done: Result) -> str:
    return done.err.strip()[-2000:]


def _yaml(config: Sequence[Mapping[str, Any]]) -> bytes:
    import yaml

    return yaml.safe_dump_all([unmarked(each) for each in config], sort_keys=True).encode()


def _tar(files: Mapping[str, bytes]) -> Iterator[bytes]:
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        yield info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
