"""The records of sandboxes: one directory each, with one JSON document."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeadm.errors import LockedError
from edgeadm.sandbox import names
from edgeadm.sandbox.errors import NoSandboxError, NoSuchNodeError

SCHEMA = 1


@dataclass(frozen=True)
class NodeRecord:
    """A node of a sandbox. `image` is its root image (empty: the sandbox's); with `dhcp` its own client
    requests `ip`; `second` is the kind of its second network interface: `card`, `uplink`, or empty for none.
    """

    name: str
    role: str
    ip: str
    image: str = ""
    dhcp: bool = False
    second: str = ""


@dataclass(frozen=True)
class SandboxRecord:
    """A sandbox: `number` selects its subnet, `image` and `layer` are the lower layers of its nodes.

    `detached`: this host has no route to it, so that several sandboxes may have the same subnet.
    """

    name: str
    number: int
    image: str = ""
    layer: str = ""
    nodes: tuple[NodeRecord, ...] = field(default=())
    detached: bool = False

    @property
    def gateway(self) -> str:
        """The switch's own address: the nodes' default route and resolver, which rejects everything."""
        return names.address(self.number, names.GATEWAY)

    def changed(self, name: str, **fields: Any) -> SandboxRecord:
        """A copy with changed properties of one node. Raises NoSuchNodeError."""
        new = replace(self.node(name), **fields)
        return replace(self, nodes=tuple(new if node.name == name else node for node in self.nodes))

    def node(self, name: str) -> NodeRecord:
        """The node with this name. Raises NoSuchNodeError."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes) or "none"
        raise NoSuchNodeError(f"sandbox `{self.name}` has no node `{name}`", hint=f"its nodes are: {known}")

    def with_nodes(
        self, added: list[names.NodeName], *, image: str = "", dhcp: bool = False, second: str = ""
    ) -> SandboxRecord:
        """A copy with the missing nodes added, ordered by address."""
        have = {node.name for node in self.nodes}
        new = [
            NodeRecord(
                node.name, node.role, names.address(self.number, node.host_number), image, dhcp, second
            )
            for node in added
            if node.name not in have
        ]
        ordered = sorted([*self.nodes, *new], key=lambda node: int(node.ip.rsplit(".", 1)[1]))
        return replace(self, nodes=tuple(ordered))


@dataclass(frozen=True)
class Store:
    """The directory of all sandboxes."""

    base: Path = field(
        default_factory=lambda: Path(os.environ.get("EDGEADM_SANDBOX_DIR") or "/var/lib/edgeadm-sandbox")
    )

    @property
    def images(self) -> Path:
        return self.base / "images"

    @property
    def layers(self) -> Path:
        return self.base / "layers"

    @property
    def saved(self) -> Path:
        """The directory of saved states."""
        return self.base / "saved"

    def folder(self, name: str) -> Path:
        """The sandbox's own directory."""
        return self.base / "sandboxes" / name

    def node_folder(self, name: str, node: str) -> Path:
        return self.folder(name) / "nodes" / node

    def known(self) -> list[str]:
        """The names of all sandboxes with a directory, complete or not."""
        folder = self.base / "sandboxes"
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []

    def find(self, name: str) -> SandboxRecord | None:
        """The sandbox's record, or None if it does not exist or is incomplete."""
        try:
            return parse(json.loads((self.folder(name) / "sandbox.json").read_text()))
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None

    def load(self, name: str) -> SandboxRecord:
        """The sandbox's record. Raises NoSandboxError."""
        record = self.find(names.check_sandbox_name(name))
        if record is None:
            known = ", ".join(self.known())
            hint = f"sandboxes: {known}" if known else "create one with `edgeadm sandbox up`"
            raise NoSandboxError(f"there is no sandbox `{name}`", hint=hint)
        return record

    def save(self, record: SandboxRecord) -> None:
        """Write the record atomically."""
        folder = self.folder(record.name)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / ".sandbox.json"
        part.write_text(json.dumps({"schema": SCHEMA, **asdict(record)}, indent=2) + "\n")
        part.replace(folder / "sandbox.json")

    @contextmanager
    def lock(self, name: str, verb: str) -> Iterator[None]:
        """Allows only one edgeadm to change a sandbox at a time. Raises LockedError, which names the other
        process."""
        path = self.base / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = path.exists() and path.samefile(f"/proc/self/fd/{handle.fileno()}")
            except BlockingIOError:
                held = False
            if not held:  # the other process may have deleted the file with its sandbox meanwhile
                handle.seek(0)
                raise LockedError(
                    f"another edgeadm process is working on the sandbox `{name}`",
                    context=handle.read().strip(),
                    hint="wait until it has finished, then run the same command again",
                )
            handle.truncate(0)
            handle.write(f"pid {os.getpid()}: edgeadm sandbox {verb}\n")
            handle.flush()
            yield

    def numbers(self, but: str = "") -> list[int]:
        """The subnets of sandboxes with a route on this host, except that of the sandbox `but`."""
        others = (self.find(name) for name in self.known() if name != but)
        return [other.number for other in others if other is not None and not other.detached]

    def unlock_for_good(self, name: str) -> None:
        """Delete the lock file; only its holder may call this."""
        (self.base / "locks" / name).unlink(missing_ok=True)

    @contextmanager
    def everyone_waits(self) -> Iterator[None]:
        """Held while a sandbox selects its subnet."""
        self.base.mkdir(parents=True, exist_ok=True)
        with (self.base / ".subnets.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def parse(document: Any) -> SandboxRecord:
    """A record from its JSON document. Raises ValueError for another schema."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("not a record of this schema")
    nodes = tuple(NodeRecord(**node) for node in document["nodes"])
    return SandboxRecord(
        document["name"],
        int(document["number"]),
        document["image"],
        document["layer"],
        nodes,
        bool(document.get("detached", False)),
    )
