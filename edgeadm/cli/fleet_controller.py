"""`edgeadm fleet-controller`: the process of a Pod, not for users."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click

from edgeadm.cli import console, pflag


@click.command("fleet-controller", cls=pflag.Command, hidden=True)
@click.option("--namespace", required=True, help="Namespace of the controller.")
@click.option("--image", required=True, help="Image of the controller and its Jobs.")
@click.option("--packages", required=True, help="Directory of the offline packages.")
@click.option("--work", required=True, help="Directory for files that can be created again.")
@click.option("--port", type=int, required=True, help="Port of the probes and of the files for Jobs.")
def command(namespace: str, image: str, packages: str, work: str, port: int) -> None:
    """Reconcile NodeTasks; runs in a Pod that `edgeadm addon fleet` creates."""
    from edgeadm.fleet.controller.main import Settings, run

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    identity = os.environ.get("POD_NAME") or os.uname().nodename
    run(Settings(namespace, image, Path(packages), Path(work), port, identity), console.say, stopped)
