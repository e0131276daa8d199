"""`kubeadm join`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.cluster.conditions import is_ready
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.phase import Context, Verdict
from edgeadm.core.signals import undisturbed
from edgeadm.errors import UnreachableError
from edgeadm.node.join_files import (
    CONFIG,
    KUBECONFIG,
    TOKEN_FILES,
    bootstrap_kubeconfig,
    join_config,
    patches,
)
from edgeadm.node.kubeadm_documents import let_kubeadm_validate
from edgeadm.node.membership import BOOTSTRAP, has_credentials, is_member, known_facts
from edgeadm.node.name import node_name
from edgeadm.phases.kubeadm_init import OF_OUR_OWN
from edgeadm.phases.kubeadm_run import KubeadmRun

LEFT_BY_JOIN = (
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
)
PATIENCE = 300.0  # a new leader of the controllers takes its time, and so does an image on a thin line
POLL = 0.1


@dataclass(frozen=True)
class KubeadmJoin(KubeadmRun):
    """Runs `kubeadm join` with the configuration, and waits until the node is in the cluster. The files that
    contain the token are deleted in any case."""

    summary: str = "run `kubeadm join` and wait until the node is Ready"
    end_of_talk: ClassVar[str] = "This node has joined the cluster"

    def check(self, ctx: Context) -> Verdict:
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off in the middle of it")
        if is_member(ctx):
            return Verdict(needed=False, reason="the kubelet has its credentials: this host is a node")
        return Verdict(needed=True, reason="this host is not a node yet")

    def apply(self, ctx: Context) -> None:
        let_in = has_credentials(ctx)
        if let_in:
            ctx.host.run("systemctl", "start", "kubelet")
        if not let_in or joins_control_plane(ctx.config):
            self._join(ctx)
        _wait(ctx)

    def _join(self, ctx: Context) -> None:
        wanted = join_config(ctx)
        try:
            files = {path: (text, 0o644) for path, text in patches(ctx).items()}
            files |= {KUBECONFIG: (bootstrap_kubeconfig(ctx), 0o600), CONFIG: (wanted, 0o600)}
            ctx.host.write_all(files)
            if ctx.config.kubeadm_documents:  # what we write ourselves is good
                let_kubeadm_validate(ctx, wanted)  # it looks into the kubeconfig as well
            self._kubeadm(ctx)
        finally:
            with undisturbed():
                _remove_tokens(ctx)

    def _kubeadm(self, ctx: Context) -> None:
        hint = "`journalctl -xeu kubelet` shows the kubelet's log; run the same command again to resume"
        self.run(ctx, self._command(ctx), hint)

    def _command(self, ctx: Context) -> list[str]:
        command = ["kubeadm", "join", "--config", CONFIG]
        if ctx.config.verbosity:
            command.append(f"-v={ctx.config.verbosity}")
        if joins_control_plane(ctx.config) and ctx.journal.times("join", self.name):
            found = [*OF_OUR_OWN, *LEFT_BY_JOIN, f"Port-{known_facts(ctx).bind_port}"]
            command.append(f"--ignore-preflight-errors={','.join(found)}")
        return command


def _wait(ctx: Context) -> None:
    outside, name = ctx.outside(), node_name(ctx)
    ctx.wait.until(
        "the node is Ready",
        lambda: is_ready(outside.get(f"/api/v1/nodes/{name}") or {}),
        seconds=PATIENCE,
        every=POLL,
        context=lambda: ctx.host.ask("journalctl", "-u", "kubelet", "-n", "15", "--no-pager").out,
        hint=f"`kubectl describe node {name}` on a control plane shows the cause; run the same command again "
        "to keep waiting",
        # A moment in which the API cannot be reached, such as when a virtual IP moves, is no answer.
        ignoring=(UnreachableError,),
    )


def _remove_tokens(ctx: Context) -> None:
    """Remove the files with the token: edgeadm's, and the one that kubeadm itself removes unless it is
    killed. The latter without a backup, which would keep the token."""
    there = ctx.host.stat_all((*TOKEN_FILES, BOOTSTRAP))
    for path in TOKEN_FILES:
        ctx.host.remove(path)
    if BOOTSTRAP in there:
        ctx.host.run("rm", "-f", BOOTSTRAP)
