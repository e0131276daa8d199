"""Files of an interrupted `kubeadm join`."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.config.kubeadm_defaults import PKI
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.node.join_files import TOKEN_FILES
from edgeadm.node.membership import BOOTSTRAP, has_credentials
from edgeadm.node.state import KUBELET_CONF, kubeadm_was_cut_off

LEFT = (BOOTSTRAP, KUBELET_CONF)


@dataclass(frozen=True)
class RecoverJoin(Phase):
    """After an interrupted `kubeadm join`: if the kubelet has joined, only the file with the token is
    removed; otherwise all files that kubeadm would stop at, so that it starts again.

    They are not backed up, because they contain the token.
    """

    name: str = "recover"
    summary: str = "remove half-written files of an interrupted run"

    def check(self, ctx: Context) -> Verdict:
        if not kubeadm_was_cut_off(ctx, "join"):
            return Verdict(needed=False, reason="no run was interrupted")
        found = _left(ctx)
        if not found:
            return Verdict(needed=False, reason="the interrupted run left nothing behind")
        return Verdict(needed=True, reason=f"left behind: {', '.join(found)}")

    def apply(self, ctx: Context) -> None:
        if not has_credentials(ctx):
            ctx.host.run("systemctl", "stop", "kubelet")
        found = _left(ctx)
        if found:
            ctx.host.run("rm", "-f", *found)
            ctx.say(f"removed {', '.join(found)}")


def _left(ctx: Context) -> list[str]:
    let_in, alone = has_credentials(ctx), not joins_control_plane(ctx.config)
    # The CA file of a control plane must match the key in the same directory.
    paths = (BOOTSTRAP,) if let_in else (*LEFT, _authority(ctx)) if alone else LEFT
    return [path for path in (*paths, *TOKEN_FILES) if ctx.host.stat(path) is not None]


def _authority(ctx: Context) -> str:
    """The file into which kubeadm puts the cluster's CA on a worker."""
    return str(ctx.config.document("JoinConfiguration").get("caCertPath") or f"{PKI}/ca.crt")
