"""Serving certificates of the edge components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm import pki
from edgeadm.apps.facts import NAMESPACE, has_cluster
from edgeadm.apps.serving_certificates import authority, is_due, make, pairs, secret_of, standing
from edgeadm.core.phase import Context, Verdict
from edgeadm.phases.edge_apps.component import Component

EDGE_TRUST = "tunnel-edge-cert"  # the CA's certificate, by which edge nodes know the tunnel


@dataclass(frozen=True)
class Certificates(Component):
    """The serving certificates of the components, signed by the cluster CA and stored in Secrets. The CA's
    key is read in place and never copied. A certificate is kept if its names are correct and a third of its
    lifetime is left."""

    name: str = "certificates"
    summary: str = "sign the components' certificates with the cluster CA"
    template: str = "addons/certificates.yaml"

    def check(self, ctx: Context) -> Verdict:
        if has_cluster(ctx):
            due = [pair.title for pair in pairs(ctx) if is_due(ctx, standing(ctx, pair))]
            if due:
                return Verdict(needed=True, reason=f"to sign: {', '.join(due)}")
        return super().check(ctx)

    def lacks(self, ctx: Context) -> str:
        return "" if has_cluster(ctx) else "there is no cluster"

    def apply(self, ctx: Context) -> None:
        before = {pair.secret: secret_of(ctx, pair.secret) for pair in pairs(ctx)}
        super().apply(ctx)
        for name, files in before.items():
            if files and secret_of(ctx, name) != files:
                _restart(ctx, name.removesuffix("-cert"))

    def values(self, ctx: Context) -> dict[str, Any]:
        """The pairs as they are where they may stay, new ones for the others."""
        secrets: dict[str, dict[str, bytes]] = {EDGE_TRUST: {"ca.crt": authority(ctx)}}
        for pair in pairs(ctx):
            there = secret_of(ctx, pair.secret)
            names = (f"{pair.base}.crt", f"{pair.base}.key")
            if is_due(ctx, standing(ctx, pair)):
                ctx.say(f"signing {pair.title}")
                # Names that an earlier run was asked for stay.
                leaf = pki.widened(pair.leaf, there.get(names[0], b""))
                there |= dict(zip(names, make(ctx, leaf), strict=True))
            secrets.setdefault(pair.secret, {}).update({name: there[name] for name in names})
        return {
            "namespace": NAMESPACE,
            "secrets": {
                name: {key: pki.encoded(value) for key, value in sorted(files.items())}
                for name, files in sorted(secrets.items())
            },
        }


def _restart(ctx: Context, app: str) -> None:
    """Programs read their certificates only at start: their Pods are restarted."""
    cluster = ctx.connect()
    for pod in cluster.list_objects("v1", "Pod", NAMESPACE, labels=f"app={app}"):
        cluster.delete("v1", "Pod", pod["metadata"]["name"], NAMESPACE)
        ctx.say(f"restarting {pod['metadata']['name']}")
