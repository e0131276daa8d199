"""A program for test_signals: `edgeadm join` on a machine in memory whose kubeadm hangs.

    python -m tests.cli.interrupted FOLDER [OPTION...]

FOLDER/pid appears once kubeadm is at work and holds the pid of its process. At the end FOLDER/ended.json has
the files of the machine, and the records of its journal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.cli.session import World
from edgeadm.core.journal import Journal
from edgeadm.hosts import Result
from edgeadm.hosts.process import execute
from edgeadm.node.membership import BOOTSTRAP
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.machine import Machine

TOKEN = "abcdef.0123456789abcdef"


def main(folder: Path, *more: str) -> int:
    machine = Machine(folder / "machine", role="edge")

    def hang(_host: object, _argv: object, _stdin: object) -> Result:
        machine.host.files[BOOTSTRAP] = f"token: {TOKEN}\n".encode()  # as kubeadm does while it joins
        pid = folder / "pid"
        return execute(["sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600"])

    machine.host.answers["kubeadm join"] = hang
    world = World(
        host=lambda: machine.host,
        cluster=lambda _host: machine.cluster,
        package=lambda _config, role: machine.packed_for(role),
        outside=lambda _ticket: machine.outside(),
        is_root=lambda: True,
        lock=folder / "lock",
        logs=folder / "logs",
    )
    pin = discovery_hash(authority()[0])
    words = ["join", "10.0.0.11:6443", "--token", TOKEN, "--discovery-token-ca-cert-hash", pin]
    status = run(root, [*words, "--install-pkg-path", "/mnt/package", *more], obj=world)
    records = [[each.phase, each.event] for each in Journal(machine.host).records()]
    files = {path: data.decode(errors="replace") for path, data in machine.host.files.items()}
    (folder / "ended.json").write_text(json.dumps({"files": files, "records": records}))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
