"""The final output of `init`."""

from __future__ import annotations

from typing import Any

from edgeadm.cli import console
from edgeadm.cli.session import Session
from edgeadm.cli.workflow import summary
from edgeadm.config.control_plane import certificates_dir
from edgeadm.core.phase import Context
from edgeadm.node.endpoint import api_endpoint
from edgeadm.node.files import renderer
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.state import ADMIN_CONF

WITHHELD = "<value withheld>"


def show_closing(session: Session, changed: int, as_json: bool) -> None:
    """Print kubeadm's closing text with the join command, or the run as JSON without secrets."""
    ctx = session.ctx
    if as_json:
        console.data_json(_summary(session, changed))
    elif not changed:
        console.talk("this node is a control plane already: 0 changes")
    elif ctx.host.stat(ADMIN_CONF) is not None:
        console.data(renderer(ctx).text("text/init-done.txt", closing_values(ctx)))


def closing_values(ctx: Context) -> dict[str, Any]:
    """The values of the closing text: the bootstrap token and the hash of the cluster CA."""
    init = document(ctx, "InitConfiguration")
    flags = ctx.config.kubeadm
    tokens = init.get("bootstrapTokens") or [{}]
    return {
        "endpoint": str(api_endpoint(ctx)),
        "token": WITHHELD if flags.skip_token_print else tokens[0].get("token", WITHHELD),
        "ca_hash": ca_hash(ctx),
        "certificate_key": WITHHELD
        if flags.skip_certificate_key_print
        else init.get("certificateKey", WITHHELD),
        "control_plane_endpoint": document(ctx, "ClusterConfiguration").get("controlPlaneEndpoint", ""),
        "upload_certs": flags.upload_certs,
        "enable_edge": ctx.config.enable_edge,
    }


def ca_hash(ctx: Context) -> str:
    """The discovery hash of the cluster's CA."""
    from edgeadm import pki

    folder = certificates_dir(document(ctx, "ClusterConfiguration"))
    return pki.discovery_hash(ctx.host.read(f"{folder}/ca.crt") or b"")


def _summary(session: Session, changed: int) -> dict[str, Any]:
    ctx = session.ctx
    found = summary("init", session, changed)
    if ctx.host.stat(ADMIN_CONF) is not None:
        found |= {"endpoint": str(api_endpoint(ctx)), "caCertHash": ca_hash(ctx)}
    return found
