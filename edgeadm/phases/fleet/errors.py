"""Reasons why the fleet controller cannot be installed or removed."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError


class FleetClusterError(EdgeadmError):
    """The fleet controller requires an edge cluster with Kubernetes v1.30 or later."""

    code = "fleet-cluster"
    exit_code = 2


class FleetPackageError(EdgeadmError):
    """The fleet controller requires an offline package as a file, on a control plane of the cluster."""

    code = "fleet-package"


class UnfinishedTasksError(EdgeadmError):
    """The cluster contains NodeTasks that are not finished."""

    code = "unfinished-tasks"
    exit_code = 2
