"""`edgeadm nodes add` in a process, on two machines in memory, for tests of signals.

    python -m tests.cli.nodes_interrupted FOLDER

The first machine joins: the file `joining` appears, and the join ends when the file `go` appears. At the end
`ended.json` contains the tokens that are left.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from edgeadm.cli import root
from edgeadm.cli.outcome import run
from edgeadm.cli.session import World
from edgeadm.fleet.run import Parts
from tests.fake_fleet import FakeAdmission, FakeDialer, FakeWork, Far
from tests.machine import Machine

DOCUMENT = """
apiVersion: edgeadm.io/v1alpha1
kind: NodeFleet
metadata: {name: shops}
spec:
  machines:
  - {name: till1, address: 10.0.0.1}
  - {name: till2, address: 10.0.0.2}
"""


class SlowWork(FakeWork):
    """A join that takes as long as the test wants."""

    folder: Path

    def _end(self, far: Far, machine: Any, on_event: Any) -> None:
        (self.folder / "joining").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.02)
        super()._end(far, machine, on_event)


def main(folder: Path) -> int:
    """The exit status of the command line."""
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    (folder / "shops.yaml").write_text(DOCUMENT)
    operator = Machine(folder / "operator")
    operator.make_control_plane()
    cluster = FakeAdmission()
    work = SlowWork(cluster)
    work.folder = folder
    far = {"10.0.0.1": Far(), "10.0.0.2": Far()}
    world = World(
        host=lambda: operator.host,
        cluster=lambda _host: operator.cluster,
        cluster_of=lambda _kubeconfig: operator.cluster,
        fleet=lambda _fleet, _access: Parts(FakeDialer(far), work, cluster, lambda _known, _nodes: {}),
    )
    argv = ["nodes", "add", "-f", str(folder / "shops.yaml"), "--concurrency", "1"]
    status = run(root, argv, obj=world)
    joins = [each.joins for each in far.values()]
    (folder / "ended.json").write_text(json.dumps({"tokens": cluster.tokens, "joins": joins}))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
