"""Files into a node and out of it, through the streams of a command."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgeadm.hosts.process import pipe

Command = Callable[[list[str]], list[str]]


def send(command: Command, source: Path, path: str) -> None:
    """Copy a file or directory of this host to a path in the node, or into an existing directory.

    `command` returns the command on this host that runs a command in the node. Raises CommandError.
    """
    if source.is_dir():
        with tempfile.TemporaryFile() as spool:
            with tarfile.open(fileobj=spool, mode="w") as tar:
                tar.add(source, arcname=".")
            spool.seek(0)
            script = 'd=$1; [ ! -d "$d" ] || d=$d/$2; mkdir -p "$d" && tar -x --no-same-owner -C "$d"'
            argv = ["sh", "-c", script, "sh", path, source.resolve().name]
            pipe(command(argv), source=Path(f"/proc/self/fd/{spool.fileno()}")).checked()
        return
    mode = oct(source.stat().st_mode & 0o7777)[2:]
    script = (
        'if [ -d "$1" ]; then t=$1/$2; else t=$1; fi; mkdir -p "$(dirname "$t")" && cat >"$t.part$$" '
        '&& chmod "$3" "$t.part$$" && mv -f "$t.part$$" "$t" || { rm -f "$t.part$$"; exit 1; }'
    )
    argv = ["sh", "-c", script, "sh", path, source.name, mode]
    pipe(command(argv), source=source).checked()


def fetch(command: Command, path: str, target: Path) -> None:
    """Copy a file of the node to this host, or into an existing directory. Raises CommandError."""
    if target.is_dir():
        target = target / Path(path).name
    pipe(command(["cat", "--", path]), target=target).checked()
