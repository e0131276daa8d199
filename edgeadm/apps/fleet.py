"""Names of the fleet controller, its objects and files."""

from __future__ import annotations

from edgeadm.apps.facts import NAMESPACE

GROUP = "nodetask.apps.superedge.io"
API = f"{GROUP}/v1beta1"
KIND = "NodeTask"
DEFINITION = f"nodetasks.{GROUP}"
# Documents of TKE: a Cluster, and the Machines of a Cluster.
CLUSTER_GROUP = "platform.tkestack.io"
CLUSTER_API, CLUSTER, MACHINE = f"{CLUSTER_GROUP}/v1", "Cluster", "Machine"
INITIALIZING = "Initializing"
# The label of Nodes by which a task recognizes its machines.
NODE_LABEL = "app.superedge.io/node-label"
# The label of control planes that store packages: the controller runs on them.
STORE_LABEL = "edgeadm.io/fleet-packages"
CONTROLLER = "fleet-controller"
JOB_ACCOUNT = "fleet-job"
# Names of the objects that the controller creates for Jobs begin with this.
PREFIX = "fleet-job-"
IMAGE = f"edgeadm.io/{CONTROLLER}"
PACKAGES = "/var/lib/edgeadm-fleet/packages"
PORT = 8080
# Descriptions of the controller's bootstrap tokens begin with this (edgeadm/fleet/tokens.py). The number of
# its bytes is a multiple of three, so that the base64 of a description begins with the base64 of this.
DESCRIPTION = "edgeadm fleet run "
# The largest number of machines of a task: with the messages and host keys of all of them, the object remains
# below the 1.5 MB that etcd accepts.
MACHINES = 500
CREATING = "creating"
# IPv4 or IPv6; the API server also parses it.
ADDRESS = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39})$"


def account(name: str) -> str:
    """The user name of a service account of the namespace."""
    return f"system:serviceaccount:{NAMESPACE}:{name}"
