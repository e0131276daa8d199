"""The target of an SSH connection: address, login, host keys and jump hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from edgeadm.config.secret import Secret

PORT = 22
USER = "root"


class Trust(StrEnum):
    """The rule for a host whose key is not known."""

    STRICT = "strict"
    ACCEPT_NEW = "accept-new"


class Sudo(StrEnum):
    """Whether commands run with sudo: AUTO for every user except root."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Login:
    """The user and the credentials, all of which are tried: keys, keys of an agent, a password. `key_files`
    may have a certificate beside them (`-cert.pub`). Without any of them, the keys of `~/.ssh` and of the
    agent are tried, as ssh does."""

    user: str = USER
    key_files: tuple[Path, ...] = ()
    key_texts: tuple[Secret, ...] = ()
    passphrase: Secret | None = None
    agent: bool = True
    password: Secret | None = None
    sudo: Sudo = Sudo.AUTO
    sudo_password: Secret | None = None

    @property
    def elevates(self) -> bool:
        """Whether commands run with sudo."""
        return self.sudo is Sudo.ALWAYS or (self.sudo is Sudo.AUTO and self.user != USER)


@dataclass(frozen=True)
class HostKeys:
    """The accepted host keys: those of `files` (the format of known_hosts, also `@cert-authority` and
    `@revoked`), and `pinned`, public keys or SHA256 fingerprints. A pinned key is the only accepted one.

    ACCEPT_NEW adds an unknown host to `learned`, which is read as well. A key that differs from a known one
    is rejected in any case, unless `reinstalled` is set: then the new key replaces it, once. `alias` replaces
    the address as the name in the files, as HostKeyAlias of ssh_config does."""

    trust: Trust = Trust.STRICT
    files: tuple[Path, ...] = ()
    pinned: tuple[str, ...] = ()
    learned: Path | None = None
    reinstalled: bool = False
    alias: str = ""


@dataclass(frozen=True)
class Target:
    """A host that is reached by SSH, through `jumps` in this order. Times are in seconds: `connect` limits
    each attempt from the first packet to the authenticated session, on each hop; `silence` ends a connection
    whose host stopped responding to keep-alive messages."""

    address: str
    port: int = PORT
    login: Login = field(default_factory=Login)
    host_keys: HostKeys = field(default_factory=HostKeys)
    jumps: tuple[Target, ...] = ()
    connect: float = 30.0
    silence: float = 45.0

    @property
    def place(self) -> str:
        """`user@address` or `user@address:port`, for messages."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.login.user}@{host}" + ("" if self.port == PORT else f":{self.port}")
