"""The decision about a host key: known, pinned, certified, new, changed or revoked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgeadm.hosts.ssh.certificate import CERTIFICATE, check_certificate
from edgeadm.hosts.ssh.errors import (
    HostKeyChangedError,
    HostKeyFileError,
    HostKeyRevokedError,
    HostKeyUnknownError,
)
from edgeadm.hosts.ssh.known_hosts import CA, REVOKED, Entry, fingerprint, full_name, kind_of, parse_key
from edgeadm.hosts.ssh.learned import Files
from edgeadm.hosts.ssh.target import Target, Trust

# In the order of the CPU time that they cost here.
TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
FILES = Files()


@dataclass(frozen=True)
class Verifier:
    """The accepted keys of one target."""

    target: Target
    files: Files = field(default_factory=lambda: FILES)

    @property
    def name(self) -> str:
        """The name in known_hosts."""
        return full_name(self._host, self.target.port)

    @property
    def _host(self) -> str:
        return self.target.host_keys.alias or self.target.address

    def types(self, without: Iterable[str] = ()) -> tuple[str, ...]:
        """The types to negotiate: those of known keys first, so that a host with several keys presents a
        known one; certificates only if an authority is known for the host."""
        pins = self.target.host_keys.pinned
        if pins:
            first = {kind_of(_pin(pin)) for pin in pins if not pin.startswith("SHA256:")}
            authority = False
        else:
            first = {each.kind for each in self._keys()}
            if (remembered := self.files.remembered(self.name)) is not None:
                first.add(kind_of(remembered))
            authority = any(each.marker == CA for each in self._entries())
        excluded = set(without)
        plain = [each for each in TYPES if _key_kind(each) not in excluded]
        plain.sort(key=lambda each: _key_kind(each) not in first)
        certificates = tuple(each + CERTIFICATE for each in TYPES) if authority else ()
        return (*certificates, *plain)

    def verify(self, blob: bytes) -> None:
        """Accept the key, or raise an error that names it."""
        if self.target.host_keys.pinned:
            self._pinned(blob)
            return
        entries = self._entries()
        revoked = {each.blob for each in entries if each.marker == REVOKED}
        if blob in revoked:
            raise HostKeyRevokedError(
                f"the key of {self.name} is revoked",
                context=f"{kind_of(blob)} {fingerprint(blob)}",
                hint="find out why the key was revoked before you connect to this host",
            )
        if kind_of(blob).endswith(CERTIFICATE):
            authorities = {each.blob for each in entries if each.marker == CA}
            check_certificate(blob, (self._host, self.name), authorities - revoked, revoked)
            return
        self._plain(blob)

    def _plain(self, blob: bytes) -> None:
        keys = [each.blob for each in self._keys()]
        if blob in keys or blob == self.files.remembered(self.name):
            return
        host_keys = self.target.host_keys
        if keys or self.files.remembered(self.name):
            if host_keys.reinstalled and self.files.replace(host_keys.learned, self.name, blob):
                return
            raise self._changed(blob, keys or [self.files.remembered(self.name) or b""])
        # ssh accepts a key that is known for the host on its usual port.
        if any(each.blob == blob for each in self._named(self._host) if not each.marker):
            return
        if host_keys.trust is Trust.ACCEPT_NEW or host_keys.reinstalled:
            self.files.learn(host_keys.learned, self.name, blob)
            return
        raise HostKeyUnknownError(
            f"the key of {self.name} is not known",
            context=f"{kind_of(blob)} {fingerprint(blob)}",
            hint="add the key to known_hosts, pin it in the document, or accept new keys",
        )

    def _pinned(self, blob: bytes) -> None:
        for pin in self.target.host_keys.pinned:
            if pin.startswith("SHA256:"):
                if pin.rstrip("=") == fingerprint(blob):
                    return
            elif blob == _pin(pin):
                return
        pins = [
            pin if pin.startswith("SHA256:") else fingerprint(_pin(pin))
            for pin in self.target.host_keys.pinned
        ]
        raise HostKeyChangedError(
            f"the key of {self.name} is not the pinned one",
            context=f"pinned: {', '.join(pins)}\nnow: {fingerprint(blob)} ({kind_of(blob)})",
            hint="if the host was installed again, change the key in the document",
        )

    def _changed(self, blob: bytes, known: list[bytes]) -> HostKeyChangedError:
        before = ", ".join(f"{fingerprint(each)} ({kind_of(each)})" for each in known)
        return HostKeyChangedError(
            f"the key of {self.name} has changed",
            context=f"known: {before}\nnow: {fingerprint(blob)} ({kind_of(blob)})",
            hint="if the host was installed again, accept its new key with --reinstalled; "
            "otherwise another host responds at this address",
        )

    def _keys(self) -> list[Entry]:
        """The plain keys of the name. Keys that edgeadm learned replace those of other files."""
        learned = self.target.host_keys.learned
        if learned is not None:
            found = [each for each in self.files.of(learned).find(self.name) if not each.marker]
            if found:
                return found
        return [each for each in self._named(self.name) if not each.marker]

    def _entries(self) -> list[Entry]:
        found = self._named(self.name)
        return found if self.name == self._host else found + self._named(self._host)

    def _named(self, name: str) -> list[Entry]:
        host_keys = self.target.host_keys
        paths = (*host_keys.files, *((host_keys.learned,) if host_keys.learned else ()))
        return [entry for path in paths for entry in self.files.of(path).find(name)]


def _pin(text: str) -> bytes:
    try:
        return parse_key(text)
    except ValueError as error:
        raise HostKeyFileError(
            "a pinned host key is neither a public key nor SHA256:…", context=text[:80]
        ) from error


def _key_kind(algorithm: str) -> str:
    """The type of a key by the algorithm of its signature."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm
