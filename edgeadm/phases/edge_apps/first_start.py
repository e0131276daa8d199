"""Tunnel egress of a new API server, from its first start."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.apps import egress_files
from edgeadm.apps.egress_files import CONFIG, FLAG, OtherEgressError
from edgeadm.apps.facts import planned_tunnel_address
from edgeadm.config.control_plane import certificates_dir
from edgeadm.config.kubeadm_defaults import PKI
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.kubeadm.static_pod import patch
from edgeadm.node.files import difference, with_mode
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.membership import is_member, known_facts
from edgeadm.node.patches import API_SERVER, FOLDER, beside_theirs, starts_with_tunnel
from edgeadm.node.state import is_control_plane

FIRST_START = "first-start"
PATCH = f"{FOLDER}/{API_SERVER}"


@dataclass(frozen=True)
class FirstStart(Phase):
    """A new API server goes through the tunnel from its first start: kubeadm lays the wiring over the
    manifest. Restarted for it later it would take the controllers along, and a minute."""

    name: str = FIRST_START
    summary: str = "configure the API server's tunnel egress before its first start"

    def check(self, ctx: Context) -> Verdict:
        joins = ctx.journal.verb == "join"
        if joins and not joins_control_plane(ctx.config):
            return Verdict(needed=False, reason="only control planes run an API server")
        if is_control_plane(ctx) if not joins else is_member(ctx):
            return Verdict(needed=False, reason="kubeadm has run")
        if not _is_to_be(ctx):
            return Verdict(needed=False, reason="there is no tunnel")
        found = difference(ctx, with_mode(_files(ctx), 0o600))
        return Verdict(needed=bool(found), reason=found or "its egress configuration is in place")

    def apply(self, ctx: Context) -> None:
        ctx.host.write_all(with_mode(_files(ctx), 0o600))


def _is_to_be(ctx: Context) -> bool:
    if ctx.journal.verb == "join":
        return bool(known_facts(ctx).tunnel_address) and starts_with_tunnel(ctx)
    return starts_with_tunnel(ctx)


def _files(ctx: Context) -> dict[str, bytes]:
    """The egress configuration, and the patches by which kubeadm's manifest names it."""
    kind = "InitConfiguration"
    if ctx.journal.verb == "join":
        facts, kind = known_facts(ctx), "JoinConfiguration"
        folder, address = facts.certificates or PKI, facts.tunnel_address
    else:
        _refuse_others(ctx)
        folder = certificates_dir(document(ctx, "ClusterConfiguration"))
        address = planned_tunnel_address(ctx)
    configuration = egress_files.config(ctx, egress_files.of_kubeadm(folder), address)
    ours = {API_SERVER: patch(egress_files.edit(configuration))}
    return {CONFIG: configuration, **beside_theirs(ctx, ours, kind)}


def _refuse_others(ctx: Context) -> None:
    """Raises OtherEgressError where the user's own settings name another configuration."""
    server = document(ctx, "ClusterConfiguration").get("apiServer") or {}
    # A mapping before v1beta4, then a list.
    if FLAG in {each if isinstance(each, str) else each["name"] for each in server.get("extraArgs") or ()}:
        raise OtherEgressError(
            f"the configuration already sets `{FLAG}` for the API server",
            hint="remove it, or add `--skip-phases edge-apps/tunnel`",
        )
