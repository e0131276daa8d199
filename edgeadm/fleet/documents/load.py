"""From a file, or stdin, to a Fleet: the kinds of documents and their combinations."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeadm.config.errors import ConfigFileMissingError, ConfigSyntaxError, UnknownDocumentError
from edgeadm.fleet.documents.combine import BODIES, Surroundings, combined
from edgeadm.fleet.documents.credentials import Ask, Credentials
from edgeadm.fleet.documents.faults import shown
from edgeadm.fleet.documents.node_fleet import Ssh
from edgeadm.fleet.documents.text import LARGEST, read_documents
from edgeadm.fleet.documents.variables import expander
from edgeadm.fleet.model import Fleet

STDIN = "-"


@dataclass(frozen=True)
class Options:
    """The surroundings of a document. `environ` has the variables of `${VAR}` and of credentials, `ask` reads
    a secret from the terminal, `via` is a jump host for a NodeTask (`USER@HOST:PORT`), `ssh` has defaults for
    documents without a login of their own. `proxied` is for the controller: it implements `proxyNode`."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    ask: Ask | None = None
    via: str = ""
    ssh: Ssh = field(default_factory=Ssh)
    proxied: bool = False


def load_fleet(file: str, options: Options | None = None) -> Fleet:
    """The Fleet that a file describes; `-` is stdin.

    Raises ConfigError or a subclass, all with exit status 3: the file cannot be read or is not YAML, a
    document is of another kind, a key is unknown or has a wrong value (all of them are named), a variable is
    not set, a credential cannot be read, machines are described twice."""
    options = options or Options()
    source = "stdin" if file == STDIN else file
    documents = read_documents(read_text(file), source, expander(options.environ))
    folder = Path.cwd() if file == STDIN else Path(file).absolute().parent
    return fleet_from(
        documents, options, source=source, folder=folder, path=None if file == STDIN else Path(file)
    )


def read_text(file: str) -> str:
    """The text of a file or of stdin, a byte above the limit at most. Raises ConfigFileMissingError."""
    data = sys.stdin.buffer.read(LARGEST + 1) if file == STDIN else _bytes(file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigFileMissingError(f"`{shown(file)}` is not text in UTF-8", hint="check the file") from None


def _bytes(file: str) -> bytes:
    """At most one byte more than the limit: the file may be a device without an end."""
    try:
        with Path(file).open("rb") as opened:
            return opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise ConfigFileMissingError(
            f"cannot read `{shown(file)}`", context=str(error), hint="check `-f`"
        ) from error


def fleet_from(
    documents: list[Any], options: Options, *, source: str, folder: Path, path: Path | None = None
) -> Fleet:
    """The Fleet of plain documents, such as the object of a NodeTask. `folder` is the base of relative paths.
    Raises as `load_fleet` does."""
    if not documents:
        raise ConfigSyntaxError(f"`{source}` contains no document", hint=_kinds())
    for each in documents:
        _known_kind(each, source)
    around = Surroundings(
        credentials=Credentials(options.environ, folder, options.ask),
        source=source,
        path=path,
        ssh=options.ssh,
        via=options.via,
        proxied=options.proxied,
    )
    return combined(documents, around)


def _known_kind(document: Any, source: str) -> None:
    if not isinstance(document, dict):
        raise ConfigSyntaxError(f"a document in `{source}` is not a mapping", hint=_kinds())
    api, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        raise ConfigSyntaxError(f"a document in `{source}` lacks apiVersion or kind", hint=_kinds())
    if (api, kind) not in BODIES:
        raise UnknownDocumentError(f"`{source}`: unknown document {shown(api)} {shown(kind)}", hint=_kinds())


def _kinds() -> str:
    return "possible are " + ", ".join(f"{api} {kind}" for api, kind in BODIES)
