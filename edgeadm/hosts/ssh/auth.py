"""The login: keys with certificates first, then keys, the agent, and a password."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeadm.config.secret import Secret
from edgeadm.hosts.ssh import keys
from edgeadm.hosts.ssh.errors import ConnectTimeoutError, LoginError, NotSshError, PassphraseError
from edgeadm.hosts.ssh.sockets import Deadline
from edgeadm.hosts.ssh.target import Target

if TYPE_CHECKING:
    from edgeadm.hosts.ssh.wire import Wire

# sshd ends a connection after MaxAuthTries, 6 by default: keys that were named come first.
LIMIT = 20


@dataclass(frozen=True)
class Attempt:
    """One way to log in: the method of SSH, and a call that returns the methods that are still required."""

    method: str
    label: str
    run: Callable[[Wire], list[str]]


def log_in(wire: Wire, target: Target, deadline: Deadline) -> None:
    """Try all credentials. Raises LoginError, an error about a key file, or an UnreachableError if the host
    stops responding."""
    allowed: set[str] = set()
    tried: list[str] = []
    with closing(_attempts(target)) as attempts:
        for attempt in attempts:
            if allowed and attempt.method not in allowed:
                continue
            if len(tried) >= LIMIT:
                break
            tried.append(attempt.label)
            wire.auth_timeout = deadline.left
            accepted, allowed = _try(wire, target, deadline, attempt, tried, allowed)
            if accepted:
                return
    raise _refused(target, tried, allowed)


def _try(
    wire: Wire, target: Target, deadline: Deadline, attempt: Attempt, tried: list[str], allowed: set[str]
) -> tuple[bool, set[str]]:
    """Whether the login is complete, and the methods that the host accepts, if it told."""
    from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, SSHException

    try:
        rest = attempt.run(wire)
    except BadAuthenticationType as error:
        return False, set(error.allowed_types)
    except AuthenticationException as error:
        _still_there(wire, target, deadline, tried, error)
        return False, allowed
    except (SSHException, EOFError, OSError) as error:
        _still_there(wire, target, deadline, tried, error)
        raise NotSshError(f"{target.place} ended the login", context=str(error)) from error
    # The rest is not empty if the host accepted this credential and requires another one.
    return not rest, set(rest)


def _still_there(wire: Wire, target: Target, deadline: Deadline, tried: list[str], error: Exception) -> None:
    if deadline.over:
        raise ConnectTimeoutError(
            f"{target.place} did not complete the login within {deadline.seconds:g} s",
            hint="check the load of the host and its name service",
        ) from error
    if not wire.active:
        if len(tried) > 1:  # MaxAuthTries
            raise _refused(target, tried, set()) from error
        raise NotSshError(
            f"{target.place} ended the connection during the login", context=str(error)
        ) from error


def _refused(target: Target, tried: list[str], allowed: set[str]) -> LoginError:
    accepts = f"; the host accepts: {', '.join(sorted(allowed))}" if allowed else ""
    return LoginError(
        f"{target.place} rejected the login",
        context=f"tried: {', '.join(tried) or 'nothing'}{accepts}",
        hint="check the user, and that one of the credentials is accepted on the host",
    )


def _attempts(target: Target) -> Generator[Attempt, None, None]:
    login = target.login
    named = bool(login.key_files or login.key_texts)
    locked: list[PassphraseError] = []
    yield from _from_files(target, named, locked)
    if login.agent:
        yield from _from_agent(login.user)
    if login.password is not None:
        yield _with_password(login.user, login.password)
        yield _interactive(login.user, login.password)
    if locked:
        raise locked[0]  # no other credential worked, and this one might


def _from_files(target: Target, named: bool, locked: list[PassphraseError]) -> Iterator[Attempt]:
    login = target.login
    # Default keys are tried as ssh does, but not if a password is the only credential.
    files = login.key_files if named or login.password is not None else keys.default_files()
    loaders: list[tuple[str, Callable[[], Any]]] = [
        (f"key {path}", lambda path=path: keys.from_file(path, login.passphrase))  # type: ignore[misc]
        for path in files
    ]
    loaders += [
        ("key of the document", lambda text=text: keys.from_text(text, login.passphrase))  # type: ignore[misc]
        for text in login.key_texts
    ]
    for label, load in loaders:
        try:
            key = load()
        except PassphraseError as error:
            if named and not login.agent and login.password is None:
                raise
            locked.append(error)
            continue
        yield _with_key(login.user, key, label)


def _with_key(user: str, key: Any, label: str) -> Attempt:
    if keys.certified(key):
        label += " with certificate"
    return Attempt("publickey", label, lambda wire: wire.auth_publickey(user, key))


def _with_password(user: str, password: Secret) -> Attempt:
    return Attempt(
        "password", "password", lambda wire: wire.auth_password(user, str(password), fallback=False)
    )


def _interactive(user: str, password: Secret) -> Attempt:
    def answer(_title: str, _text: str, prompts: list[tuple[str, bool]]) -> list[str]:
        # One hidden prompt is the password; any other question cannot be answered.
        return [str(password)] if len(prompts) == 1 and not prompts[0][1] else ["" for _ in prompts]

    return Attempt(
        "keyboard-interactive", "keyboard-interactive", lambda wire: wire.auth_interactive(user, answer)
    )


def _from_agent(user: str) -> Iterator[Attempt]:
    import os

    if not os.environ.get("SSH_AUTH_SOCK"):
        return
    from paramiko.agent import Agent
    from paramiko.ssh_exception import SSHException

    try:
        agent = Agent()
    except (SSHException, OSError, EOFError):
        return
    try:
        for key in agent.get_keys():
            yield _with_key(user, key, "key of the agent")
    finally:
        agent.close()
