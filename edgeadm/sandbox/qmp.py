"""qemu's monitor: a socket for commands as JSON, one per line (QMP)."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from edgeadm.clock import CLOCK
from edgeadm.sandbox.errors import VmMonitorError

PATIENCE = 60.0  # seconds


def command(path: Path, name: str, /, **arguments: Any) -> Any:
    """Run a command of the monitor at the socket `path`; returns its result.

    Waits for up to a minute until qemu has created the socket. Raises VmMonitorError.
    """
    request = {"execute": name, **({"arguments": arguments} if arguments else {})}
    with socket.socket(socket.AF_UNIX) as port:
        port.settimeout(PATIENCE)
        _connect(port, path)
        try:
            with port.makefile("rw", encoding="utf-8") as lines:
                _answer(lines, None)
                _answer(lines, {"execute": "qmp_capabilities"})
                return _answer(lines, request)
        except (OSError, ValueError) as error:
            raise VmMonitorError(
                f"qemu does not respond to `{name}`: {error}", hint=f"its socket: {path}"
            ) from error


def _connect(port: socket.socket, path: Path) -> None:
    reason = ""

    def is_connected() -> bool:
        nonlocal reason
        try:
            port.connect(str(path))
        except OSError as error:
            reason = str(error.strerror)
            return False
        return True

    if not CLOCK.poll(is_connected, PATIENCE, 0.05):
        raise VmMonitorError(f"qemu has no monitor at {path}: {reason}", hint="read the node's console.log")


def _answer(lines: Any, request: dict[str, Any] | None) -> Any:
    """The result of a request (None: the greeting); events are skipped."""
    if request is not None:
        lines.write(json.dumps(request) + "\n")
        lines.flush()
    while True:
        line = lines.readline()
        if not line:
            raise ValueError("the connection was closed")
        told = json.loads(line)
        if "error" in told:
            raise VmMonitorError(f"qemu rejected a command: {told['error'].get('desc', told['error'])}")
        if "return" in told or "QMP" in told:
            return told.get("return")
