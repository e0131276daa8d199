"""`kubeadm reset`, and deletion of the Node."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.config.kubeadm_defaults import BOOTSTRAP_KUBELET_CONF, MANIFESTS
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import CommandError, PhaseError
from edgeadm.hosts import facts
from edgeadm.node import node_object, ownership
from edgeadm.node.kubeadm_documents import SOCKET, document
from edgeadm.node.name import node_name
from edgeadm.node.state import ADMIN_CONF, KUBELET_CONF

ETCD_MANIFEST = f"{MANIFESTS}/etcd.yaml"
STATE = (ADMIN_CONF, KUBELET_CONF, BOOTSTRAP_KUBELET_CONF, "/var/lib/kubelet/config.yaml")
PATIENCE = "120"  # seconds; with everything alive it takes three


@dataclass(frozen=True)
class KubeadmReset(Phase):
    """Runs `kubeadm reset --force`, which removes the etcd member, Pods and certificates. Later phases
    complete it if the runtime or the API does not respond. The Node is deleted last, because kubeadm reads it
    to remove the etcd member."""

    name: str = "kubeadm"
    summary: str = "run `kubeadm reset`, and delete the node from the cluster"

    def check(self, ctx: Context) -> Verdict:
        if not ownership.had_cluster(ctx):
            return Verdict(needed=False, reason="kubeadm has not run here")
        there = [path for path in STATE if ctx.host.stat(path) is not None]
        there += [MANIFESTS] if ctx.host.names(MANIFESTS) else []
        if not there:
            return Verdict(needed=False, reason="kubeadm's files are removed")
        if not facts.kubeadm_version(ctx.host):
            return Verdict(needed=False, reason="kubeadm is not installed: its files are removed without it")
        return Verdict(needed=True, reason="this host is a node created by kubeadm")

    def apply(self, ctx: Context) -> None:
        if not facts.kubeadm_version(ctx.host):
            return
        answers = node_object.api_answers(ctx)
        member = ctx.host.stat(ETCD_MANIFEST) is not None
        name = node_name(ctx)
        stays = not node_object.is_member(ctx) or bool(node_object.why_it_stays(ctx, answers=answers))
        stays = stays or node_object.is_last(ctx)
        try:
            ctx.host.run("timeout", PATIENCE, *self._command(ctx), on_line=ctx.say)
        except CommandError as error:
            if answers and member:
                raise PhaseError(
                    "kubeadm reset failed while the cluster is running: this node may still be a member of "
                    "etcd",
                    context=error.context,
                    hint=(
                        "run `edgeadm reset` again, or skip it with `--skip-phases kubeadm` once `etcdctl "
                        "member list` on another control plane no longer shows this node"
                    ),
                ) from error
            ctx.warn(f"kubeadm reset failed, edgeadm removes its files itself ({_last_line(error.context)})")
        if not stays:
            node_object.remove(ctx, name)

    def _command(self, ctx: Context) -> list[str]:
        options = ctx.config.reset
        registered = next(
            (
                document(ctx, kind).get("nodeRegistration", {}).get("criSocket")
                for kind in ("InitConfiguration", "JoinConfiguration")
                if document(ctx, kind)
            ),
            None,
        )
        command = ["kubeadm", "reset", "--force", "--cri-socket", options.cri_socket or registered or SOCKET]
        folder = options.cert_dir or document(ctx, "ClusterConfiguration").get("certificatesDir")
        if folder:
            command += ["--cert-dir", folder]
        if options.kubeconfig:
            command += ["--kubeconfig", options.kubeconfig]
        if options.cleanup_tmp_dir:
            command.append("--cleanup-tmp-dir")
        if options.ignore_preflight_errors:
            command.append(f"--ignore-preflight-errors={','.join(options.ignore_preflight_errors)}")
        if ctx.config.verbosity:
            command.append(f"-v={ctx.config.verbosity}")
        return command


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no output"
