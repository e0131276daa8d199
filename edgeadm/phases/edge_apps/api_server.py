"""This host's API server, with the tunnel as egress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from edgeadm.apps import egress_files
from edgeadm.apps.api_servers import api_servers, pod_name
from edgeadm.apps.egress_files import CONFIG, COPY, FOLDER, MANIFEST, is_wired
from edgeadm.apps.facts import NAMESPACE, has_cluster, nodes, tunnel_address
from edgeadm.cluster import Awaited, Object
from edgeadm.cluster.conditions import is_ready
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import ApiError, CommandError, EdgeadmError, PhaseError, UnreachableError, WaitError
from edgeadm.kubeadm.static_pod import edited, runs, stripped
from edgeadm.node.applies import to_edge_clusters
from edgeadm.node.patches import leaves_out
from edgeadm.phases.edge_apps.first_start import FIRST_START, PATCH

PATIENCE = 180.0  # seconds; a restart takes tunnel-cloud along
# The kubelet lets five minutes go by before it starts a container again that ended often.
CONTROLLERS_PATIENCE = 420.0
POLL = 0.5
FILES = (CONFIG, COPY, PATCH)


class WiringError(PhaseError):
    """The API server did not start with the tunnel, or did not reach an edge node through it."""

    code = "api-server-not-wired"


@dataclass(frozen=True)
class ApiServer(Phase):
    """The last step: routes the requests of this host's API server to nodes through the tunnel. edgeadm edits
    its manifest as data, the kubelet restarts it, and the log of a Pod on an edge node is read as a test. If
    this fails, the manifest is restored byte for byte."""

    name: str = "api-server"
    summary: str = "route this API server through the tunnel (rolls back on failure)"
    when = staticmethod(to_edge_clusters)

    def check(self, ctx: Context) -> Verdict:
        reason = _why_not(ctx)
        if reason:
            return Verdict(needed=False, reason=reason)
        manifest = ctx.host.read(MANIFEST)
        if not has_cluster(ctx) or manifest is None:
            return Verdict(needed=True, reason="there is no cluster yet")
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off in the middle of it")
        wired, wanted = is_wired(manifest), _config(ctx, manifest)
        egress_files.demand_certificate(ctx, manifest)
        if (
            not wired
            or ctx.host.read(CONFIG) != wanted
            or edited(manifest, egress_files.edit(wanted)) != manifest
        ):
            return Verdict(needed=True, reason="the API server is not configured to use the tunnel yet")
        return Verdict(needed=False, reason="the API server uses the tunnel")

    def lacks(self, ctx: Context) -> str:
        there = ctx.host.stat(MANIFEST) is not None
        return "" if there else "there is no API server on this host"

    def apply(self, ctx: Context) -> None:
        manifest = ctx.host.read(MANIFEST) or b""
        if ctx.interrupted:
            ctx.journal.add("resumed")  # else a run that finds all files in place would leave no end
        # Read while the API server responds, and before its files are replaced.
        pod, alone = pod_name(ctx, manifest), len(api_servers(ctx)) == 1
        before, settings = manifest, ctx.host.read(CONFIG)
        if is_wired(manifest) and ctx.interrupted:
            before = original(ctx, manifest)  # it is unknown whether it ever worked with its current settings
        if not is_wired(manifest):
            ctx.host.write(COPY, manifest, 0o600)
        wanted = _config(ctx, manifest)
        ctx.host.write(CONFIG, wanted, 0o600)
        _replace(ctx, edited(manifest, egress_files.edit(wanted)))
        try:
            self._wait(ctx, pod, alone=alone)
            self._prove(ctx)
        except EdgeadmError as error:
            ctx.warn(f"{error.message}; restoring the previous API server manifest")
            if settings is not None and is_wired(before):
                ctx.host.write(CONFIG, settings, 0o600)
            _replace(ctx, before)
            if not is_wired(before):
                ctx.host.remove(CONFIG)
            self._come_back(ctx, pod, error, alone=alone)
        self._wait_for_controllers(ctx)

    def detached(self, ctx: Context) -> list[str]:
        """The changes that `detach` would revert."""
        manifest = ctx.host.read(MANIFEST)
        if manifest is None:
            return []
        files = [path for path in FILES if ctx.host.stat(path) is not None]
        return [*([MANIFEST] if is_wired(manifest) else []), *files]

    def detach(self, ctx: Context) -> None:
        """Restore the API server's previous manifest, and remove the files of the tunnel."""
        manifest = ctx.host.read(MANIFEST)
        if manifest is None:
            return
        if is_wired(manifest):
            pod, alone = pod_name(ctx, manifest), len(api_servers(ctx)) == 1
            _replace(ctx, original(ctx, manifest))
            self._wait(ctx, pod, alone=alone)
            self._wait_for_controllers(ctx)
        for path in FILES:
            ctx.host.remove(path)
        if ctx.host.stat(FOLDER) is not None and not ctx.host.names(FOLDER):
            ctx.host.run("rmdir", FOLDER)
        for phase in (self.name, FIRST_START):
            ctx.journal.undone_all(phase)

    def _prove(self, ctx: Context) -> None:
        """Ask for the log of a Pod at the edge, if there is one, until one comes. An edge node may be away
        without the cluster knowing yet, so one that answers is enough."""
        try:
            said = ctx.wait.until(
                "the log of a Pod on an edge node can be read through the tunnel",
                lambda: _reached(ctx),
                seconds=PATIENCE,
                every=POLL,
                ignoring=(ApiError, UnreachableError),
            )
        except WaitError as error:
            if error.__cause__ is not None:
                raise
            ctx.warn("no edge node is Ready: the tunnel cannot be tested yet")
        else:
            ctx.say(said or "the tunnel was not tested")

    def _wait(self, ctx: Context, pod: str, *, alone: bool) -> None:
        """Until the API server of this machine runs with the configured manifest, and is ready."""
        manifest, cluster = ctx.host.read(MANIFEST) or b"", ctx.connect()

        def fits(found: Object) -> bool:
            # Without another API server, any response is from the expected one, although its Pod status is
            # outdated. That status alone is not sufficient: a terminating API server responds for a moment
            # with its old settings.
            fitting = runs(found, manifest, egress_files.ANNOTATION)
            return fitting and (alone or is_ready(found)) and cluster.ready()

        ctx.say("waiting until the API server has restarted")
        what = "the API server runs with the configured manifest"
        cluster.wait(Awaited(what, "v1", "Pod", pod, fits, "kube-system", PATIENCE))

    def _wait_for_controllers(self, ctx: Context) -> None:
        """kube-controller-manager ends when its API server does, and works again once it has its lease back.
        Until then no token is announced to nodes that join, and no certificate signed. It is no reason to
        take the tunnel back: another restart would make it later."""
        where = ("coordination.k8s.io/v1", "Lease", "kube-controller-manager")
        lease = ctx.connect().get(*where, "kube-system")
        if lease is None:
            return
        last = lease["spec"].get("renewTime")

        def renewed(found: Object) -> bool:
            return bool(found["spec"].get("renewTime") != last)

        what = "the controllers run again"
        ctx.say("waiting until the controllers run")
        ctx.connect().wait(Awaited(what, *where, renewed, "kube-system", CONTROLLERS_PATIENCE))

    def _come_back(self, ctx: Context, pod: str, error: EdgeadmError, *, alone: bool) -> None:
        """Wait for the API server with its old manifest; WiringError with what went wrong, in any case."""
        try:
            self._wait(ctx, pod, alone=alone)
        except WaitError as second:
            raise WiringError(
                "the API server did not start, neither with the tunnel nor with its previous manifest",
                context=second.context,
                hint=f"{COPY} is the previous manifest; `crictl logs` of kube-apiserver shows the cause",
            ) from second
        raise WiringError(
            "the API server cannot reach nodes through the tunnel; its previous manifest is restored",
            context=f"{error.message}\n{error.context}",
            hint=(
                f"see `kubectl -n {NAMESPACE} logs deployment/tunnel-cloud`; then run the same command again"
            ),
        ) from error


def original(ctx: Context, manifest: bytes) -> bytes:
    """The manifest without the tunnel: the kept copy, unless something else was changed meanwhile."""
    kept, edit = ctx.host.read(COPY), egress_files.edit(_config(ctx, manifest))
    if kept is not None and not is_wired(kept) and edited(kept, edit) == manifest:
        return kept
    return stripped(manifest, edit)


def _why_not(ctx: Context) -> str:
    if has_cluster(ctx) and ctx.host.stat(MANIFEST) is None:
        return "no API server on this host that edgeadm can configure"
    makes_none = ctx.journal.verb == "join" or leaves_out(ctx, "tunnel")
    if makes_none and has_cluster(ctx):
        there = ctx.connect().get("v1", "Service", "tunnel-cloud", NAMESPACE)
        return "" if there is not None else "the tunnel is not installed in this cluster"
    return ""


def _config(ctx: Context, manifest: bytes) -> bytes:
    return egress_files.config(ctx, egress_files.of_manifest(manifest), tunnel_address(ctx))


def _replace(ctx: Context, manifest: bytes) -> None:
    """Write the manifest. An API server that is told to end waits for its watchers until the kubelet kills it
    after half a minute; told twice, it ends at once (apiserver `pkg/server/signal.go`). The kubelet tells it
    once, because the manifest is another."""
    if ctx.host.read(MANIFEST) == manifest:
        return
    found = ctx.host.stat(MANIFEST)
    ctx.host.write(MANIFEST, manifest, found.mode if found else 0o600)
    with suppress(CommandError):  # no `pkill`, or no such process: then it takes its time
        ctx.host.run("pkill", "-TERM", "-x", "kube-apiserver")


def _reached(ctx: Context) -> str | None:
    """The Pod on an edge node whose log was read; None while all edge nodes are offline. Raises the last
    error if none could be read."""
    up = {node["metadata"]["name"] for node in nodes(ctx) if is_ready(node)}
    failed: ApiError | UnreachableError | None = None
    there = ctx.connect().list_objects("v1", "Pod", NAMESPACE, labels="app=tunnel-edge")
    for pod in _running(there, up):
        try:
            ctx.connect().log(NAMESPACE, pod)
        except (ApiError, UnreachableError) as error:
            failed = error
        else:
            return f"{pod} is reachable through the tunnel"
    if failed is not None:
        raise failed
    return None if there else "there is no edge node to test it with"


def _running(there: Iterable[Object], up: set[str]) -> Iterator[str]:
    """The tunnel's Pods on nodes that are up. Whether they are Ready is not asked: they are while they are
    connected, which is what is to be found out."""
    for pod in there:
        if (pod.get("status") or {}).get("phase") == "Running" and pod["spec"].get("nodeName") in up:
            yield str(pod["metadata"]["name"])
