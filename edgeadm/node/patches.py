"""kubeadm's patches on this host: edgeadm's with the user's."""

from __future__ import annotations

from collections.abc import Mapping

from edgeadm.core.phase import Context

FOLDER = "/etc/edgeadm/patches"
API_SERVER = "kube-apiserver-edge+json.yaml"  # its way through the tunnel
# An API server that is to go through the tunnel needs all of them.
OF_THE_TUNNEL = ("first-start", "edge-apps", "namespace", "certificates", "tunnel", "api-server")


def starts_with_tunnel(ctx: Context) -> bool:
    """Whether the API server of a new cluster goes through the tunnel from its first start."""
    return ctx.config.enable_edge and not any(leaves_out(ctx, name) for name in OF_THE_TUNNEL)


def leaves_out(ctx: Context, name: str) -> bool:
    """Whether this phase of the edge components, or another, is not to be run."""
    return name in {each.removeprefix("edge-apps/") for each in ctx.config.skip_phases}


def beside_theirs(ctx: Context, ours: Mapping[str, bytes], kind: str) -> dict[str, bytes]:
    """edgeadm's patches by name, with those of the user's directory: kubeadm reads one directory. Empty if
    edgeadm has none; then the user's directory is used. `kind` is the user's document that may name it."""
    if not ours:
        return {}
    theirs = _theirs(ctx, kind)
    found = {f"{FOLDER}/{name}": text for name, text in ours.items()}
    for name in ctx.host.names(theirs) if theirs else ():
        found[f"{FOLDER}/{name}"] = ctx.host.read(f"{theirs}/{name}") or b""
    return found


def _theirs(ctx: Context, kind: str) -> str:
    given = ctx.config.document(kind)
    named = (given.get("patches") or {}).get("directory")
    return str(ctx.config.kubeadm.patches or named or "")
