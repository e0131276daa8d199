"""Tunnel files of an API server that is not a static Pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeadm.apps.egress_certificate import CERTIFICATE, KEY, LEAF, TRUST, standing
from edgeadm.apps.egress_files import CONFIG, FOLDER, Shown, config
from edgeadm.apps.facts import has_cluster, tunnel_address
from edgeadm.apps.manual_steps import running
from edgeadm.apps.serving_certificates import authority, is_due, make
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.applies import to_edge_clusters
from edgeadm.node.files import difference, with_mode

RENEWAL = "certs renew"  # the verb that renews, and sets nothing up
FILES = (CONFIG, TRUST, CERTIFICATE, KEY)


@dataclass(frozen=True)
class EgressByHand(Phase):
    """The tunnel files of an API server on this host that is not a static Pod. Its owner edits the command
    line, with the flags that edgeadm prints."""

    name: str = "egress-files"
    summary: str = "write the tunnel files of an API server that is not a static Pod"
    when = staticmethod(to_edge_clusters)

    def check(self, ctx: Context) -> Verdict:
        if not has_cluster(ctx) or running(ctx) is None:
            return Verdict(needed=False, reason="every API server on this host is a static Pod")
        if ctx.journal.verb == RENEWAL and ctx.host.stat(TRUST) is None:
            return Verdict(needed=False, reason="the API server does not use the tunnel")
        if is_due(ctx, standing(ctx)):
            return Verdict(needed=True, reason=f"{CERTIFICATE} is missing or about to expire")
        if differs := difference(ctx, with_mode(_files(ctx))):
            return Verdict(needed=True, reason=differs)
        return Verdict(needed=False, reason=f"all files are in {FOLDER}")

    def apply(self, ctx: Context) -> None:
        found = running(ctx)
        if found is None:
            return
        if is_due(ctx, standing(ctx)):
            certificate, key = make(ctx, LEAF)
            ctx.host.write(KEY, key, 0o600)
            ctx.host.write(CERTIFICATE, certificate)
        ctx.host.write_all(with_mode(_files(ctx)))
        if found.is_wired:
            ctx.warn("restart kube-apiserver: it reads its tunnel certificate only at start")

    def detached(self, ctx: Context) -> list[str]:
        """The files that `detach` would remove; for a static Pod, another phase removes them."""
        there = [path for path in FILES if ctx.host.stat(path) is not None]
        return there if TRUST in there else []

    def detach(self, ctx: Context) -> None:
        """Remove the files."""
        if not self.detached(ctx):
            return
        for path in FILES:
            ctx.host.remove(path)
        for folder in (FOLDER, FOLDER.rpartition("/")[0]):
            if ctx.host.stat(folder) is not None and not ctx.host.names(folder):
                ctx.host.run("rmdir", folder)
        ctx.journal.undone_all(self.name)


def _files(ctx: Context) -> Mapping[str, bytes]:
    shown = Shown(TRUST, CERTIFICATE, KEY)
    return {CONFIG: config(ctx, shown, tunnel_address(ctx)), TRUST: authority(ctx)}
