"""`edgeadm get cluster`: the clusters that `edgeadm apply` created."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from edgeadm.cli import console, pflag
from edgeadm.cli.session import world
from edgeadm.cluster.conditions import is_ready
from edgeadm.errors import EdgeadmError
from edgeadm.fleet import clusters
from edgeadm.fleet.clusters import ClusterFolder
from edgeadm.fleet.errors import NoClusterError

HEAD = ("NAME", "TYPE", "VERSION", "STATUS", "AGE")
WIDE = (*HEAD, "NODES", "READY", "ENDPOINT", "KUBECONFIG")
RUNNING, UNREACHABLE = "Running", "Unreachable"
# Every cluster of a document is an edge cluster, as TKE names the type.
TYPES = {"Cluster": "Edge", "NodeFleet": "Edge"}


@dataclass(frozen=True)
class Shown:
    """A cluster, as far as it is known."""

    name: str
    kind: str
    status: str
    created: str
    endpoint: str
    kubeconfig: str
    version: str = ""
    nodes: Sequence[Mapping[str, Any]] = ()
    message: str = ""

    @property
    def ready(self) -> int:
        return sum(bool(each["ready"]) for each in self.nodes)

    def as_dict(self) -> dict[str, Any]:
        """The cluster as a document for `-o json` and `-o yaml`."""
        return {
            "name": self.name,
            "type": self.kind,
            "version": self.version,
            "status": self.status,
            "message": self.message,
            "created": self.created,
            "endpoint": self.endpoint,
            "kubeconfig": self.kubeconfig,
            "nodes": [dict(each) for each in self.nodes],
        }

    def row(self, now: datetime) -> tuple[str, ...]:
        """The cells of the wide table."""
        kubeconfig = self.kubeconfig or "<none>"
        cells = (self.name, self.kind, self.version or "<unknown>", self.status, age(self.created, now))
        return (*cells, str(len(self.nodes)), str(self.ready), self.endpoint or "<none>", kubeconfig)


@click.group("get", cls=pflag.Group)
def command() -> None:
    """Show the clusters that `edgeadm apply` created."""


@command.command()
@click.argument("name", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "wide", "json", "yaml"]),
    default="text",
    show_default=True,
    envvar="EDGEADM_OUTPUT",
    help="Output format.",
)
def cluster(name: str | None, output: str) -> int:
    """Show a cluster, or all of them, with the state of their API servers.

    The status is that of the last `edgeadm apply` (Running, Incomplete, Initializing or Failed), or
    Unreachable. The exit
    status is 5 if a cluster is not reachable.
    """
    folders = [each for each in clusters.known() if name in (None, each.name)]
    if name is not None and not folders:
        raise NoClusterError(f"there is no cluster `{name}`", hint="`edgeadm get cluster` shows all")
    found = [look(each, world().cluster_of) for each in folders]
    if output in ("json", "yaml"):
        every = [each.as_dict() for each in found]
        _data(every[0] if name is not None else {"clusters": every}, output)
    else:
        _table(found, output == "wide")
    return 5 if any(each.status == UNREACHABLE for each in found) else 0


def look(folder: ClusterFolder, connect: Callable[[bytes], Any]) -> Shown:
    """The record of a cluster, and the answer of its API server."""
    record, kubeconfig = folder.record(), folder.kubeconfig()
    kind = str(record.get("kind") or "")
    shown = Shown(
        name=folder.name,
        kind=TYPES.get(kind, kind),
        status=str(record.get("status") or ""),
        created=str(record.get("created") or ""),
        endpoint=str(record.get("endpoint") or ""),
        kubeconfig=str(folder.kubeconfig_path) if kubeconfig else "",
    )
    if not kubeconfig:
        return shown
    try:
        api = connect(kubeconfig)
        nodes = [_node(each) for each in api.list_objects("v1", "Node")]
    except EdgeadmError as error:
        return Shown(**{**vars(shown), "status": UNREACHABLE, "message": error.message})
    versions = sorted({each["version"] for each in nodes if "control-plane" in each["roles"]})
    return Shown(**{**vars(shown), "version": ", ".join(versions), "nodes": nodes})


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    metadata, status = node["metadata"], node.get("status") or {}
    prefix = "node-role.kubernetes.io/"
    labels = metadata.get("labels") or {}
    return {
        "name": metadata["name"],
        "ready": is_ready(node),
        "roles": sorted(each.removeprefix(prefix) for each in labels if each.startswith(prefix)),
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion") or "",
    }


def age(created: str, now: datetime) -> str:
    """The age as kubectl shows it: 45s, 8m, 5h, 12d."""
    try:
        since = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "<unknown>"
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (unit == "m" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _table(found: Sequence[Shown], wide: bool) -> None:
    if not found:
        console.talk("no cluster was created by `edgeadm apply` on this host")
        return
    now = datetime.now(UTC)
    head = WIDE if wide else HEAD
    for line in console.columns([head, *(each.row(now)[: len(head)] for each in found)]):
        console.data(line)


def _data(document: Any, output: str) -> None:
    if output == "json":
        console.data_json(document)
        return
    import yaml

    console.data(yaml.safe_dump(document, sort_keys=False).rstrip())
