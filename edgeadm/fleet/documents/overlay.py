"""The precedence of a NodeFleet: machine > site > group > defaults, resolved into targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeadm.assets import state_root
from edgeadm.config.secret import Secret
from edgeadm.fleet.documents.credentials import Credentials
from edgeadm.fleet.documents.forms import jump_of, normal
from edgeadm.fleet.documents.node_fleet import Common, Jump, KeyRef, SecretRef, Ssh
from edgeadm.fleet.documents.parts import keys_of
from edgeadm.fleet.model import Role
from edgeadm.hosts.ssh.target import PORT, USER, HostKeys, Login, Sudo, Target, Trust

KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
CONNECT = 30.0
OWN_KNOWN_HOSTS = "known_hosts"


@dataclass(frozen=True)
class Merged:
    """The values of one machine. `counter` tells which machines are counted together by the pattern."""

    role: Role
    labels: dict[str, str]
    taints: tuple[str, ...]
    settings: dict[str, Any]
    ssh: Ssh
    via: tuple[Any, ...]
    names: str | None
    counter: int


def merged(levels: Sequence[Common]) -> Merged:
    """The values of a machine from its levels, innermost first."""
    taints: dict[tuple[str, str], str] = {}
    labels: dict[str, str] = {}
    settings: dict[str, Any] = {}
    for each in reversed(levels):
        labels |= each.labels or {}
        settings |= each.settings or {}
        taints |= {_taint(text): text for text in each.taints or ()}
    pattern = next((each for each in levels if each.names), None)
    return Merged(
        role=Role(_first(levels, "role") or Role.EDGE),
        labels=labels,
        taints=tuple(taints.values()),
        settings=settings,
        ssh=inner([each.ssh for each in levels]),
        via=_first(levels, "via") or (),
        names=pattern.names if pattern else None,
        counter=id(pattern),
    )


def inner(levels: Sequence[Ssh | None]) -> Ssh:
    """The login of several levels, innermost first."""
    given = [each for each in levels if each is not None]
    return Ssh(**{each.name: _first(given, each.name) for each in keys_of(Ssh).values()})


def _first(levels: Sequence[Any], name: str) -> Any:
    return next((getattr(each, name) for each in levels if getattr(each, name) is not None), None)


def _taint(text: str) -> tuple[str, str]:
    rest, _, effect = text.rpartition(":")
    return rest.partition("=")[0], effect


@dataclass
class Targets:
    """Makes targets, with one login for all machines that have equal values."""

    credentials: Credentials
    defaults: Ssh
    logins: dict[Ssh, tuple[Login, HostKeys]] = field(default_factory=dict, repr=False)
    jumps: dict[tuple[Any, ...], tuple[Target, ...]] = field(default_factory=dict, repr=False)

    def target(self, address: str, ssh: Ssh, via: tuple[Any, ...]) -> Target:
        """The target of a machine. Raises CredentialError."""
        return self._target(address, ssh, self._jumps(via))

    def _target(self, address: str, ssh: Ssh, jumps: tuple[Target, ...] = ()) -> Target:
        if ssh not in self.logins:
            self.logins[ssh] = (self._login(ssh), self._host_keys(ssh))
        login, host_keys = self.logins[ssh]
        connect = CONNECT if ssh.connect_timeout is None else ssh.connect_timeout
        return Target(normal(address), ssh.port or PORT, login, host_keys, jumps, connect)

    def _jumps(self, via: tuple[Any, ...]) -> tuple[Target, ...]:
        if via not in self.jumps:
            self.jumps[via] = tuple(self._jump(each) for each in via)
        return self.jumps[via]

    def _jump(self, given: str | Jump) -> Target:
        base = replace(self.defaults, port=None, host_keys=None)
        if isinstance(given, Jump):
            return self._target(given.address or "", inner([given.ssh, base]))
        user, host, port = jump_of(given)
        return self._target(host, inner([Ssh(user=user or None, port=port or None), base]))

    def _login(self, ssh: Ssh) -> Login:
        password = self._secret(ssh.password)
        files, texts = self._keys(ssh.private_key)
        return Login(
            user=ssh.user or USER,
            key_files=files,
            key_texts=texts,
            passphrase=self._secret(ssh.passphrase),
            agent=ssh.agent is not False,
            password=password,
            sudo=Sudo(ssh.sudo or Sudo.AUTO),
            sudo_password=self._secret(ssh.sudo_password) or password,
        )

    def _keys(self, given: str | KeyRef | None) -> tuple[tuple[Path, ...], tuple[Secret, ...]]:
        if given is None:
            return (), ()
        file = given if isinstance(given, str) else given.file
        if file is not None:
            return (self.credentials.key_file(file),), ()
        text = self.credentials.secret(
            env=given.env if isinstance(given, KeyRef) else None, file=None, prompt=None
        )
        return (), (text,)

    def _secret(self, given: SecretRef | None) -> Secret | None:
        if given is None:
            return None
        return self.credentials.secret(env=given.env, file=given.file, prompt=given.prompt)

    def _host_keys(self, ssh: Ssh) -> HostKeys:
        files = KNOWN_HOSTS if ssh.known_hosts is None else ssh.known_hosts
        return HostKeys(
            trust=Trust(ssh.host_key_policy or Trust.STRICT),
            files=tuple(self.credentials.path(each) for each in files),
            pinned=ssh.host_keys or (),
            learned=state_root(self.credentials.environ) / OWN_KNOWN_HOSTS,
        )
