"""`edgeadm init`, `edgeadm init phase NAME`, `edgeadm init plan`."""

from __future__ import annotations

from edgeadm.cli.closing import show_closing
from edgeadm.cli.workflow import WorkflowVerb, close_with
from edgeadm.workflows import INIT

VERB = WorkflowVerb(INIT, close_with(INIT.name, show_closing))
command = VERB.command()
