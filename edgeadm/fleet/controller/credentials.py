"""The SSH credentials of a NodeTask, from the Secret that it names."""

from __future__ import annotations

import base64
import binascii

from edgeadm.apps.facts import NAMESPACE
from edgeadm.cluster import Cluster
from edgeadm.config.secret import Secret
from edgeadm.fleet.controller.errors import CredentialError
from edgeadm.hosts.ssh.target import USER, Login, Sudo

KEY, PASSWORD = "sshkey", "passwd"  # names of the fields of the Secret


def login(cluster: Cluster, name: str) -> Login:
    """The login of root with the private key of the Secret, else with its password. Raises CredentialError
    without any content of the Secret, and the errors of the API."""
    found = cluster.get("v1", "Secret", name, NAMESPACE)
    if found is None:
        raise CredentialError(
            f"Secret/{NAMESPACE}/{name} does not exist",
            hint=(
                f"create it with `kubectl -n {NAMESPACE} create secret generic {name} --from-file={KEY}=FILE`"
            ),
        )
    return from_fields(
        {key: _text(name, key, value) for key, value in (found.get("data") or {}).items()}, name
    )


def from_fields(fields: dict[str, str], name: str) -> Login:
    """The login of the fields of a Secret. Raises CredentialError."""
    key, password = fields.get(KEY, ""), fields.get(PASSWORD, "").removesuffix("\n").removesuffix("\r")
    if key.strip():
        # Editors and templates may remove the last line break, which OpenSSH's format requires.
        text = key.replace("\r\n", "\n").strip() + "\n"
        return Login(USER, key_texts=(Secret(text),), agent=False, sudo=Sudo.NEVER)
    if password:
        return Login(USER, password=Secret(password), agent=False, sudo=Sudo.NEVER)
    raise CredentialError(
        f"Secret/{NAMESPACE}/{name} contains neither `{KEY}` nor `{PASSWORD}`",
        hint=f"`{PASSWORD}` is the password of root on the machines, `{KEY}` its private key",
    )


def _text(name: str, key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode() if key in (KEY, PASSWORD) else ""
    except (binascii.Error, UnicodeDecodeError):
        raise CredentialError(f"Secret/{NAMESPACE}/{name}: `{key}` is not text") from None
