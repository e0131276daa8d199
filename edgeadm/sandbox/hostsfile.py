"""The names of a sandbox's nodes in each node's /etc/hosts."""

from __future__ import annotations

from pathlib import Path

from edgeadm.sandbox.state import SandboxRecord

BEGIN, END = "# Nodes of the sandbox:", "# End of the sandbox's nodes."


def render(old: str, record: SandboxRecord) -> str:
    """The file with updated lines of the sandbox; all other lines are kept."""
    lines = old.splitlines() or ["127.0.0.1 localhost"]
    if BEGIN in lines and END in lines:
        del lines[lines.index(BEGIN) : lines.index(END) + 1]
    nodes = [f"{node.ip} {node.name}" for node in record.nodes]
    return "\n".join([*lines, BEGIN, *nodes, END]) + "\n"


def update(path: Path, record: SandboxRecord) -> None:
    """Update the file atomically; an up-to-date file is not written."""
    old = path.read_text() if path.exists() else ""
    new = render(old, record)
    if new != old:
        part = path.with_name(".hosts.sandbox")
        part.write_text(new)
        part.replace(path)
