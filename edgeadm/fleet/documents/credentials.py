"""Credentials by reference: environment variables, secret files and questions become Secrets."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.config.secret import Secret
from edgeadm.fleet.documents.errors import CredentialError

LARGEST = 64 * 1024
KEY_TEXT = re.compile(r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----")

# Asks a person for a secret, by the text of the question; None if there is no terminal.
Ask = Callable[[str], str]


@dataclass
class Credentials:
    """Reads credentials, each of them once. Paths are relative to `folder`, the directory of the document."""

    environ: Mapping[str, str]
    folder: Path
    ask: Ask | None = None
    read: dict[tuple[str, str], Secret] = field(default_factory=dict, repr=False)

    def path(self, text: str) -> Path:
        """The path of a file that a document names; `~` is the home directory of the user."""
        if text == "~" or text.startswith("~/"):
            return Path(self.environ.get("HOME") or Path.home()) / text[2:]
        return self.folder / text

    def secret(self, *, env: str | None, file: str | None, prompt: str | None) -> Secret:
        """The secret of a reference. Raises CredentialError."""
        kind, value = ("env", env) if env else ("file", file) if file else ("prompt", prompt)
        at = (kind, value or "")
        if at not in self.read:
            self.read[at] = getattr(self, f"_by_{kind}")(value)
        return self.read[at]

    def key_file(self, text: str) -> Path:
        """The path of a private key. Raises CredentialError if the file cannot be used by ssh."""
        path = self.path(text)
        _private(path, f"the private key `{text}`")
        return path

    def _by_env(self, name: str) -> Secret:
        if not self.environ.get(name):
            raise CredentialError(
                f"the credential in the variable {name} is not set",
                hint=f"set {name}, or name another reference",
            )
        return Secret(self.environ[name])

    def _by_file(self, text: str) -> Secret:
        path = self.path(text)
        _private(path, f"the secret file `{text}`")
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(
                f"cannot read the secret file `{text}`", hint="it must be a text in UTF-8"
            ) from error
        secret = content.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise CredentialError(f"the secret file `{text}` is empty", hint="write the secret into it")
        return Secret(secret)

    def _by_prompt(self, question: str) -> Secret:
        if self.ask is None:
            raise CredentialError(
                "the document asks for a secret, and there is no terminal",
                hint="use `{env: VARIABLE}` or `{file: PATH}` for runs without a terminal",
            )
        return Secret(self.ask(question))


def _private(path: Path, what: str) -> None:
    """Raise CredentialError unless the path is a file that only its owner can read, and not a large one."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        raise CredentialError(
            f"cannot read {what}", hint="check the path: it is relative to the document"
        ) from error
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
        raise CredentialError(
            f"{what} is not a regular file of at most {LARGEST // 1024} KiB", hint="check the path"
        )
    if found.st_mode & 0o077:
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        raise CredentialError(
            f"{what} has mode {mode}, so that others can read it", hint="run `chmod 600` on it"
        )
