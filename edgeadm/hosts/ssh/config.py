"""Targets from ssh_config(5): the values that name a host, its login, its host keys and its jump hosts."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from edgeadm.hosts.ssh.errors import SshConfigError
from edgeadm.hosts.ssh.target import PORT, USER, HostKeys, Login, Target, Trust

CONFIG = Path("~/.ssh/config")
DEEPEST = 8
TRUST = {
    "yes": Trust.STRICT,
    "ask": Trust.STRICT,
    "accept-new": Trust.ACCEPT_NEW,
    # A changed key is rejected in any case.
    "no": Trust.ACCEPT_NEW,
    "off": Trust.ACCEPT_NEW,
}
# Options of `ssh -W` in a ProxyCommand that have a value.
WITH_VALUE = frozenset("WpliFoJ")


def from_ssh_config(alias: str, base: Target, path: Path = CONFIG) -> Target:
    """The target that `ssh ALIAS` connects to. Values of `base` that are not the default win, as options of
    ssh do: port, user, keys, files of host keys, trust, jump hosts and the time to connect.

    Raises SshConfigError for a value that edgeadm does not support, such as another ProxyCommand than
    `ssh -W %h:%p JUMP`.
    """
    return _target(alias, base, path.expanduser(), 0)


def _target(alias: str, base: Target, path: Path, depth: int) -> Target:
    if depth > DEEPEST:
        raise SshConfigError(f"{path}: the jump hosts of {alias} form a loop")
    found = _lookup(path, alias)
    jumps = base.jumps or _jumps(alias, found, base, path, depth)
    return replace(
        base,
        address=found.get("hostname", alias),
        port=base.port if base.port != PORT else _number(found, "port", PORT, path),
        login=_login(found, base.login),
        host_keys=_host_keys(found, base.host_keys, path),
        jumps=jumps,
        connect=base.connect
        if base.connect != Target("").connect
        else float(_number(found, "connecttimeout", int(base.connect), path)),
    )


def _login(found: Mapping[str, Any], base: Login) -> Login:
    named = tuple(Path(each).expanduser() for each in found.get("identityfile", ()))
    existing = tuple(each for each in named if each.exists())
    only = found.get("identitiesonly", "no") == "yes" or found.get("identityagent") == "none"
    return replace(
        base,
        user=base.user if base.user != USER else found.get("user", USER),
        key_files=base.key_files or existing or named,
        agent=base.agent and not only,
    )


def _host_keys(found: Mapping[str, Any], base: HostKeys, path: Path) -> HostKeys:
    text = str(found.get("userknownhostsfile", "~/.ssh/known_hosts"))
    files = () if text == "none" else tuple(Path(each).expanduser() for each in shlex.split(text))
    rule = str(found.get("stricthostkeychecking", base.trust.value)).lower()
    if rule not in TRUST and rule != base.trust.value:
        raise SshConfigError(f"{path}: StrictHostKeyChecking {rule} is not supported")
    trust = base.trust if base.trust is not Trust.STRICT else TRUST.get(rule, base.trust)
    return replace(
        base,
        trust=trust,
        files=base.files or (*files, Path("/etc/ssh/ssh_known_hosts")),
        learned=base.learned or (files[0] if files else None),
        alias=base.alias or found.get("hostkeyalias", ""),
    )


def _jumps(alias: str, found: Mapping[str, Any], base: Target, path: Path, depth: int) -> tuple[Target, ...]:
    words = _jump_words(alias, found, path)
    hops: list[Target] = []
    for number, word in enumerate(words):
        user, name, port = _place(word, path)
        plain = Target(
            name,
            port=port,
            login=replace(base.login, user=user or USER, key_files=(), key_texts=()),
            host_keys=replace(base.host_keys, pinned=(), reinstalled=False, alias=""),
            connect=base.connect,
            silence=base.silence,
        )
        hop = _target(name, plain, path, depth + 1)
        # Only the first jump host is reached by its own ProxyJump: the others are reached through it.
        hops += [*hop.jumps, replace(hop, jumps=())] if number == 0 else [replace(hop, jumps=())]
    return tuple(hops)


def _jump_words(alias: str, found: Mapping[str, Any], path: Path) -> list[str]:
    jump = str(found.get("proxyjump", "none") or "none")
    if jump != "none":
        return [each.strip() for each in jump.split(",")]
    command = str(found.get("proxycommand", "none") or "none")
    return [] if command == "none" else [_of_command(command, alias, found, path)]


def _of_command(command: str, alias: str, found: Mapping[str, Any], path: Path) -> str:
    """The jump host of `ssh -W %h:%p [-p PORT] [-l USER] JUMP`."""
    host, port = found.get("hostname", alias), str(found.get("port", PORT))
    words = shlex.split(command)
    values: dict[str, str] = {}
    rest: list[str] = []
    while words:
        word = words.pop(0)
        if word.startswith("-") and word[1:2] in WITH_VALUE:
            values[word[1]] = word[2:] or (words.pop(0) if words else "")
        elif not word.startswith("-"):
            rest.append(word)
    forwards = values.get("W") in (f"{host}:{port}", f"[{host}]:{port}", "%h:%p", "[%h]:%p")
    supported = set(values) <= {"W", "p", "l"}
    if not forwards or not supported or len(rest) != 2 or Path(rest[0]).name != "ssh":
        raise SshConfigError(
            f"{path}: the ProxyCommand of {alias} is not supported",
            context=command,
            hint="use ProxyJump, or `ProxyCommand ssh -W %h:%p JUMP`",
        )
    user = f"{values['l']}@" if "l" in values else ""
    return user + rest[1] + (f":{values['p']}" if "p" in values else "")


def _place(word: str, path: Path) -> tuple[str, str, int]:
    """User, host and port of `[user@]host[:port]` or `ssh://…`."""
    user, _, place = word.removeprefix("ssh://").rpartition("@")
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif place.count(":") == 1:
        host, port = place.split(":")
    else:
        host, port = place, ""
    if port and not port.isdigit():
        raise SshConfigError(f"{path}: the port of the jump host {word} is not a number")
    return user, host, int(port or PORT)


def _number(found: Mapping[str, Any], key: str, default: int, path: Path) -> int:
    value = str(found.get(key, default))
    if not value.isdigit():
        raise SshConfigError(f"{path}: {key} {value} is not a number")
    return int(value)


def _lookup(path: Path, alias: str) -> Mapping[str, Any]:
    try:
        stamp = path.stat().st_mtime_ns
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SshConfigError(f"{path} cannot be read", context=str(error)) from error
    try:
        return dict(_parsed(path, stamp).lookup(alias))
    except SshConfigError:
        raise
    except Exception as error:  # paramiko raises several kinds, also for `Match exec`
        raise SshConfigError(f"{path} is not supported", context=str(error)) from error


@lru_cache(maxsize=16)
def _parsed(path: Path, _stamp: int) -> Any:
    from paramiko.config import SSHConfig

    return SSHConfig.from_text("\n".join(_lines(path, 0)))


def _lines(path: Path, depth: int) -> Iterator[str]:
    """The lines with those of included files, which do not change the Host that an Include is in."""
    if depth > DEEPEST:
        raise SshConfigError(f"{path}: the files include each other")
    block = "Host *"
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SshConfigError(f"{path} cannot be read", context=str(error)) from error
    for line in text.splitlines():
        word, _, value = line.strip().replace("=", " ", 1).partition(" ")
        if word.lower() in ("host", "match"):
            block = line
            if word.lower() == "match" and "exec" in value.lower().split():
                raise SshConfigError(f"{path}: `Match exec` is not supported", context=line.strip())
        if word.lower() != "include":
            yield line
            continue
        for pattern in shlex.split(value):
            full = Path(pattern).expanduser()
            full = full if full.is_absolute() else path.parent / full
            for included in sorted(glob.glob(str(full))):  # noqa: PTH207  # the pattern is absolute
                yield from _lines(Path(included), depth + 1)
                yield block
