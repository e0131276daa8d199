"""The command of an SSH channel: one line that means the same to every login shell."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from edgeadm.hosts.ssh.errors import ScriptError
from edgeadm.hosts.ssh.target import Login

# Linux limits each argument to 128 KiB (MAX_ARG_STRLEN), and sshd passes the whole line as one.
LINE_LIMIT = 100_000
# Programs that administrators call are not in the PATH of each user; the output must not be translated.
SETTINGS = (
    "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C\nexport PATH LC_ALL\n"
)
DECODE = """/bin/sh -c 'eval "$(printf %b "$1")"' sh """
DECODE_STDIN = """/bin/sh -c 'read -r s; eval "$(printf %b "$s")"' sh"""
# These mean nothing to sh, csh or fish between single quotes, and nothing to printf %b.
PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b"'\\!")
ENCODED = tuple(chr(byte) if byte in PLAIN else f"\\0{byte:03o}" for byte in range(256))


@dataclass(frozen=True)
class Command:
    """`line` is the command, `prefix` precedes its stdin. `mark` separates the output of the login shell
    from that of the script; sudo prints `prompt` if it asks for the password."""

    line: str
    mark: bytes
    prefix: bytes = b""
    prompt: bytes = b""


def command(
    script: str, args: tuple[str, ...], login: Login, root: bool, timeout: float | None = None
) -> Command:
    """The command that runs the script with these positional parameters, as root or as the user. The host
    itself ends it after `timeout` seconds, with the status 124: sshd does not deliver signals to root."""
    mark = secrets.token_hex(8)
    begin = f"printf %s {mark}\nprintf %s {mark} >&2\n"
    text = begin + SETTINGS + "set -- " + " ".join(quoted(arg) for arg in args) + "\n" + script
    if "\0" in text:
        raise ScriptError("a script or an argument contains a NUL character")
    encoded = "".join(ENCODED[byte] for byte in text.encode("utf-8", "surrogateescape"))
    elevation, prompt = _elevation(login, mark) if root else ("", "")
    if timeout is not None:
        elevation += f"timeout -k 5 {timeout:g} "
    if len(encoded) > LINE_LIMIT:
        return Command(
            f"exec {elevation}{DECODE_STDIN}", mark.encode(), encoded.encode() + b"\n", prompt.encode()
        )
    return Command(f"exec {elevation}{DECODE}'{encoded}'", mark.encode(), b"", prompt.encode())


def quoted(arg: str) -> str:
    """A word of POSIX sh: between single quotes, no character has a meaning except the quote."""
    return "'" + arg.replace("'", "'\\''") + "'"


def _elevation(login: Login, mark: str) -> tuple[str, str]:
    if not login.elevates:
        return "", ""
    if login.sudo_password is None:
        return "sudo -n -- ", ""
    prompt = f"sudo-{mark[::-1]}"
    return f"sudo -S -p {prompt} -- ", prompt
