"""The only module that starts programs on the host that runs edgeadm."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import IO

from edgeadm.hosts.base import OnLine, Result

# Loaded before any fork: the child may only make the system call.
PRCTL = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_PDEATHSIG = 1
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE = 5.0  # seconds for a program to end by itself when edgeadm is interrupted


def execute(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    on_line: OnLine | None = None,
) -> Result:
    """Run a program until it exits. `env` is added to our environment. A missing program is status 127, a
    time-out 124. An exception, such as that of a signal, kills the program before it is raised."""
    argv = tuple(argv)
    # A signal between the start of the program and the moment at which it can be ended waits.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        process = _start(argv, env, cwd, mask)
        if isinstance(process, Result):
            return process
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if on_line is None:
                return _collect(process, argv, stdin, timeout)
            return _stream(process, argv, stdin, on_line)
        except BaseException:
            _end(process)
            raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def attach(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> int:
    """Run a program with our own stdin, stdout and stderr; returns its exit status."""
    return subprocess.run(tuple(argv), env=clean_environment(env), check=False).returncode


def spawn(argv: Sequence[str], log: Path) -> int:
    """Start a program that outlives us, in its own session, with its output appended to `log`; returns its
    pid."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            tuple(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=clean_environment(),
            start_new_session=True,
        )
    # Reaped if it exits while we are running, so that it does not remain as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return process.pid


def pipe(argv: Sequence[str], *, source: Path | None = None, target: Path | None = None) -> Result:
    """Run a program with files as its stdin and stdout; its output is not held in memory."""
    argv = tuple(argv)
    with (source or Path(os.devnull)).open("rb") as stdin, (target or Path(os.devnull)).open("wb") as stdout:
        done = subprocess.run(
            argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=clean_environment(), check=False
        )
    return Result(argv, done.returncode, "", _text(done.stderr))


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without the library path that a frozen edgeadm sets for itself."""
    env = dict(os.environ)
    original = env.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        env["LD_LIBRARY_PATH"] = original
    elif getattr(sys, "frozen", False):
        env.pop("LD_LIBRARY_PATH", None)
    return env | dict(extra or {})


def _start(
    argv: tuple[str, ...], env: Mapping[str, str] | None, cwd: Path | None, mask: Set[int]
) -> subprocess.Popen[bytes] | Result:
    """The program, which gets this mask of signals; the result if it cannot be started."""
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(env),
            cwd=cwd,
            preexec_fn=partial(_before_exec, mask),
        )
    except FileNotFoundError as error:
        return Result(argv, 127, "", f"{argv[0]}: {error.strerror}")
    except PermissionError as error:
        return Result(argv, 126, "", f"{argv[0]}: {error.strerror}")


def _before_exec(mask: Set[int]) -> None:
    """Ends the program with edgeadm: a program that outlives a killed edgeadm would conflict with the next
    run. Runs in the child, between fork and exec."""
    PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _collect(
    process: subprocess.Popen[bytes], argv: tuple[str, ...], stdin: bytes, timeout: float | None
) -> Result:
    try:
        out, err = process.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Result(argv, 124, _text(out), _text(err) + f"\nstopped after {timeout:g} s")
    return Result(argv, process.returncode, _text(out), _text(err))


def _stream(process: subprocess.Popen[bytes], argv: tuple[str, ...], stdin: bytes, on_line: OnLine) -> Result:
    lines: dict[str, list[str]] = {"out": [], "err": []}
    lock = threading.Lock()

    def pump(stream: IO[bytes] | None, name: str) -> None:
        for raw in stream or ():
            line = _text(raw).rstrip("\n")
            lines[name].append(line)
            with lock:
                on_line(line)

    readers = [
        threading.Thread(target=pump, args=(stream, name), daemon=True)
        for stream, name in ((process.stdout, "out"), (process.stderr, "err"))
    ]
    for reader in readers:
        reader.start()
    if process.stdin is not None:
        process.stdin.write(stdin)
        process.stdin.close()
    for reader in readers:
        reader.join()
    with process:  # closes the pipes
        code = process.wait()
    return Result(argv, code, "\n".join(lines["out"]), "\n".join(lines["err"]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program whose caller was interrupted, before the caller cleans up: SIGTERM, then SIGKILL."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
