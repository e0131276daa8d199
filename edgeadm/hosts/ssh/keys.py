"""Private keys: loaded once for all connections, with their certificates."""

from __future__ import annotations

import io
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeadm.config.secret import Secret
from edgeadm.hosts.ssh.errors import KeyFileError, PassphraseError

if TYPE_CHECKING:
    from paramiko import PKey

DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
_LOCK = threading.Lock()


def from_file(path: Path, passphrase: Secret | None) -> PKey:
    """The key of a file, and its certificate `PATH-cert.pub` if there is one.

    Raises KeyFileError, or PassphraseError if the key is encrypted and the passphrase does not fit.
    """
    path = path.expanduser()
    certificate = path.with_name(f"{path.name}-cert.pub")
    try:
        text = path.read_text()
        beside = certificate.read_text() if certificate.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the private key {path} cannot be read", context=str(error)) from error
    with _LOCK:  # one thread decrypts it, the others wait for the result
        return _load(Secret(text), beside, passphrase, str(path))


def from_text(text: Secret, passphrase: Secret | None) -> PKey:
    """The key of a text, in the format of a private key file. Raises the errors of `from_file`."""
    with _LOCK:
        return _load(text, "", passphrase, "the private key of the document")


def default_files() -> tuple[Path, ...]:
    """The private keys of `~/.ssh` that ssh tries without configuration."""
    folder = Path("~/.ssh").expanduser()
    return tuple(path for name in DEFAULT_NAMES if (path := folder / name).is_file())


def certified(key: PKey) -> bool:
    """Whether the key has a certificate."""
    return getattr(key, "public_blob", None) is not None


@lru_cache(maxsize=256)
def _load(text: Secret, certificate: str, passphrase: Secret | None, name: str) -> PKey:
    key = _parsed(text, passphrase, name)
    if certificate:
        try:
            key.load_certificate(certificate)
        except Exception as error:  # paramiko raises many kinds for an invalid text
            raise KeyFileError(f"the certificate beside {name} is invalid", context=str(error)) from error
    return key


def _parsed(text: Secret, passphrase: Secret | None, name: str) -> PKey:
    from cryptography.hazmat.primitives import serialization

    # The text of a document may have lost its last newline.
    data = (str(text).strip() + "\n").encode()
    password = str(passphrase).encode() if passphrase else None
    openssh = b"OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        loaded = load(data, password)
    except TypeError as error:
        if password is not None:  # a passphrase for a key that is not encrypted
            return _parsed(text, None, name)
        raise _passphrase(name, "is encrypted") from error
    except Exception as error:  # the kinds of cryptography differ by format and version
        if _encrypted(data, openssh):
            raise _passphrase(name, "is encrypted, and the passphrase is wrong") from error
        raise KeyFileError(f"{name} is not a supported private key", context=str(error)) from error
    return _as_paramiko(loaded, name)


def _passphrase(name: str, state: str) -> PassphraseError:
    return PassphraseError(f"{name} {state}", hint="provide the passphrase, or add the key to an agent")


def _encrypted(data: bytes, openssh: bool) -> bool:
    if not openssh:
        return b"ENCRYPTED" in data
    import base64
    import binascii

    body = b"".join(line for line in data.splitlines() if not line.startswith(b"-----"))
    try:
        head = base64.b64decode(body)[:64]
    except binascii.Error:
        return False
    # "openssh-key-v1\0", then the cipher as a string with its length (PROTOCOL.key of OpenSSH).
    return head.startswith(b"openssh-key-v1\0") and head[19:23] != b"none"


def _as_paramiko(loaded: Any, name: str) -> PKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from paramiko import ECDSAKey, Ed25519Key, RSAKey

    kinds: tuple[tuple[type, Any], ...] = (
        (ed25519.Ed25519PrivateKey, Ed25519Key),
        (ec.EllipticCurvePrivateKey, ECDSAKey),
        (rsa.RSAPrivateKey, RSAKey),
    )
    for kind, key_class in kinds:
        if isinstance(loaded, kind):
            text = loaded.private_bytes(  # type: ignore[attr-defined]  # each kind has it
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            ).decode()
            key: PKey = key_class.from_private_key(io.StringIO(text))
            return key
    raise KeyFileError(f"{name} is not an ed25519, ecdsa or rsa key")
