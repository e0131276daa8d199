"""`edgeadm apply`: a cluster, with all its machines, from one document."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import click

from edgeadm.cli import console, nodes_options, nodes_tables, options, pflag, stream
from edgeadm.cli.fleet_report import report, wide
from edgeadm.cli.kubeconfig import open_access
from edgeadm.cli.nodes import confirm
from edgeadm.cli.nodes_events import new_report, run_engine
from edgeadm.cli.session import world
from edgeadm.cluster.access import Access
from edgeadm.cluster.kubeconfig import NotAKubeconfigError, parse
from edgeadm.config.secret import Secret, secrets_in
from edgeadm.core.run_id import new_run_id
from edgeadm.errors import ConfigError, UnreachableError
from edgeadm.fleet.apply import Stage, fitted, member, patches, prunable, stages, verify_member
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.clusters import ClusterFolder, folder_of
from edgeadm.fleet.control_plane import read_kubeconfig, upload_certificates
from edgeadm.fleet.documents import node_task
from edgeadm.fleet.journal import folder_of as runs_folder
from edgeadm.fleet.journal import held, runs_root
from edgeadm.fleet.model import Fleet
from edgeadm.fleet.progress import Goal
from edgeadm.fleet.run import Order, Parts
from edgeadm.fleet.states import State
from edgeadm.fleet.summary import Summary
from edgeadm.fleet.surroundings import with_credentials
from edgeadm.fleet.tokens import ClusterAdmission
from edgeadm.kubeadm.tokens import rfc3339

RUNNING, FAILED, INCOMPLETE, INITIALIZING = "Running", "Failed", "Incomplete", "Initializing"


@click.command("apply", cls=pflag.Command)
@nodes_options.file_option
@nodes_options.kubeconfig_option
@nodes_options.concurrency_option
@nodes_options.reinstalled_option
@nodes_options.host_keys_option
@click.option(
    "--install-pkg-path",
    multiple=True,
    metavar="PATH",
    help="Offline package, for a document without `packages`; may be repeated for other architectures.",
)
@click.option("--dry-run", cls=pflag.Switch, help="Print the plan without changing a machine.")
@click.option(
    "--prune",
    cls=pflag.Switch,
    help="Reset machines that an earlier document contained and this one does not.",
)
@click.option("-y", "--yes", cls=pflag.Switch, help="Do not ask for confirmation of `--prune`.")
@options.output_wide_events
def command(output: str, **given: Any) -> int:
    """Create a cluster from a document, or bring it to the state of the document.

    The first control plane is initialised, further ones join in turn, and the other machines join together.
    Machines that have the state of the document are not changed. The admin.conf of the cluster is stored in
    `~/.local/state/edgeadm/clusters/NAME`.
    """
    found = nodes_options.asked(given, connect=False)
    fleet = with_packages(found.fleet, given["install_pkg_path"])
    if not fleet.machines:
        raise ConfigError("the document has no machine", hint="add one to `machines`")
    if fleet.version or any("edgeVersion" in each.settings for each in fleet.machines):
        bundles = Bundles(fleet.packages)
        fleet = fitted(fleet, {arch: bundles.manifest(arch) for arch in fleet.packages})
    for each in fleet.warnings:
        console.warn(f"{console.WARNING}{each}")
    stream.current().secrets |= {each for each in secrets_in(fleet) if each}
    applying = Applying(fleet, folder_of(fleet.name), given)
    code = applying.plan(output) if given["dry_run"] else applying.run()
    return code if given["dry_run"] else applying.show(code, output)


@dataclass
class Applying:
    """One `apply`: its stages, and their results."""

    fleet: Fleet
    folder: ClusterFolder
    given: dict[str, Any]
    results: list[tuple[str, Summary]] = field(default_factory=list)

    def plan(self, output: str) -> int:
        """Print the change that each machine needs."""
        access = self._known_access()
        code = self._engine(Stage("plan", self.fleet.machines), self._parts(access), Goal.PLAN)
        summary = self.results[-1][1]
        if output == "json":
            console.data_json(nodes_tables.plan_document("apply", summary))
        else:
            nodes_tables.show_plan(summary)
        for each in self.folder.removed(self.fleet):
            console.data(f"{each.name} ({each.address}) is no longer in the document")
        return code

    def run(self) -> int:
        """Run the stages, until one of them fails; returns the exit status. The lock of the cluster is held
        until the end: raises FleetLockedError if another run for it is in progress."""
        with held(runs_folder(self.fleet.name, runs_root()), "edgeadm apply"):
            return self._run()

    def _run(self) -> int:
        access, code = self._access()
        if access is None:
            return self._kept(code)
        self.fleet = with_credentials(self.fleet, access)
        stream.current().secrets |= {each for each in secrets_in(self.fleet) if each}
        parts = self._parts(access)
        key: Secret | None = None
        nodes = parts.admission.nodes()
        for stage in stages(self.fleet, nodes):
            if stage.keyed:
                key = key or upload_certificates(parts.dialer, member(self.fleet, nodes))
                stream.current().secrets.add(str(key))
            code = self._engine(stage, _keyed(parts, key) if stage.keyed else parts, Goal.ADD)
            if code and stage.keyed:
                return self._kept(code)
        for each in patches(self.fleet, parts.admission.nodes()):
            access.cluster.patch(each)
            console.talk(f"labels and taints of {each['metadata']['name']} changed")
        return self._kept(code, self._prune(parts) if not code else frozenset())

    def show(self, code: int, output: str) -> int:
        """Print the results of all stages."""
        if output == "json":
            every = [{"stage": title, **summary.as_dict()} for title, summary in self.results]
            console.data_json({"cluster": self.fleet.name, "exitCode": code, "stages": every})
            return code
        for title, summary in self.results:
            console.data(f"{title}:")
            for line in wide(summary) if output == "wide" else report(summary):
                console.data(line)
        return code

    def _access(self) -> tuple[Access | None, int]:
        """The cluster, which the first stage creates if the document has control planes. Without access, the
        status of that stage."""
        access = self._known_access()
        control_planes = self.fleet.control_planes()
        if access is not None or not control_planes:
            return access, 0
        parts = self._parts(None)
        first = control_planes[0]
        code = self._engine(Stage(f"control plane {first.name}", (first,)), parts, Goal.ADD)
        if code:
            return None, code
        data = read_kubeconfig(parts.dialer, first)
        access = self._access_by(data)
        verify_member(first, self._parts(access).admission.nodes())
        self.folder.keep_kubeconfig(data)
        return access, 0

    def _known_access(self) -> Access | None:
        """The cluster, if it exists: by the stored admin.conf, or by the kubeconfig of a document without
        control planes."""
        if not self.fleet.control_planes():
            return open_access(self.given.get("kubeconfig") or self.fleet.cluster.kubeconfig or None)
        data = self.folder.kubeconfig()
        return None if data is None else self._access_by(data)

    def _access_by(self, data: bytes) -> Access:
        """The cluster of an admin.conf. Raises ConfigError."""
        try:
            found = parse(data)
        except NotAKubeconfigError as error:
            raise ConfigError("the admin.conf of the cluster is damaged", context=str(error)) from None
        return Access(str(self.folder.kubeconfig_path), world().cluster_of(data), world().host().read, found)

    def _parts(self, access: Access | None) -> Parts:
        return world().fleet(self.fleet, access)

    def _engine(self, stage: Stage, parts: Parts, goal: Goal) -> int:
        shown = new_report(quiet=goal is Goal.PLAN)
        again = f"edgeadm apply -f {self.given['file']}"
        order = Order("apply", goal, self.fleet, stage.machines, new_run_id(), again=again)
        code = run_engine(order, lambda: parts, shown, held=True)
        self.results.append((stage.title, shown.summary()))
        return code

    def _prune(self, parts: Parts) -> frozenset[str]:
        """Reset the machines that are not in the document any more, if that was requested. Returns the names
        of those that are reset."""
        removed, kept = prunable(self.folder.removed(self.fleet))
        for each in kept:
            console.warn(f"{console.WARNING}{each.name} is a control plane, and is not reset by `--prune`")
        if not removed:
            return frozenset()
        names = ", ".join(each.name for each in removed)
        if not self.given["prune"]:
            console.talk(f"not in the document any more: {names}; `--prune` resets them")
            return frozenset()
        confirm("resets", removed, self.given)
        self._engine(Stage("removed machines", removed), parts, Goal.RESET)
        return frozenset(
            each.machine.name for each in self.results[-1][1].results if each.state is State.RESET
        )

    def _kept(self, code: int, pruned: frozenset[str] = frozenset()) -> int:
        """Store the record of the cluster; returns the status, with that of a prune."""
        pruning = [summary.exit_code for title, summary in self.results if title == "removed machines"]
        code = code or next(iter(pruning), 0)
        if self.fleet.kind != node_task.KIND:
            created = self.folder.kubeconfig() is not None or not self.fleet.control_planes()
            status = _status(created, code)
            now = rfc3339(datetime.now(UTC))
            self.folder.keep(self.fleet, created=now, status=status, pruned=pruned)
        return code


def _status(created: bool, code: int) -> str:
    """The status of the cluster by the exit status: one whose control plane was not reached is waiting."""
    if created:
        return INCOMPLETE if code else RUNNING
    return INITIALIZING if code == UnreachableError.exit_code else FAILED


def _keyed(parts: Parts, key: Secret | None) -> Parts:
    """The parts for further control planes."""
    if not isinstance(parts.admission, ClusterAdmission):
        return parts
    return replace(parts, admission=replace(parts.admission, certificate_key=key))


def with_packages(fleet: Fleet, paths: tuple[str, ...]) -> Fleet:
    """The fleet with the packages of the command line, each for its architecture."""
    if not paths:
        return fleet
    from edgeadm.assets import cache_root
    from edgeadm.package import open_source
    from edgeadm.package.check import read_manifest

    given = {read_manifest(open_source(each, cache_root() / "packages")).arch: each for each in paths}
    return replace(fleet, packages={**fleet.packages, **given})
