"""`edgeadm fleet-job`: the process of a Pod, not for users."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgeadm.cli import pflag


@click.command("fleet-job", cls=pflag.Command, hidden=True)
@click.option("--task", required=True, help="Name of the ConfigMap with the document.")
@click.option("--secret", required=True, help="Directory with the credential and the tokens.")
@click.option("--work", required=True, help="Directory for files that can be created again.")
def command(task: str, secret: str, work: str) -> None:
    """Install the machines of a NodeTask; runs in a Job that the controller creates."""
    from edgeadm.cluster.in_cluster import InCluster
    from edgeadm.fleet.controller.job_run import perform

    sys.exit(perform(InCluster(), task, Path(secret), Path(work)))
