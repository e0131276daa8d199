"""`kubeadm init`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.config.kubeadm_defaults import API_PORT
from edgeadm.core.phase import Context, Verdict
from edgeadm.kubeadm import compat
from edgeadm.node.kubeadm_documents import CONFIG, document
from edgeadm.node.state import ADMIN_CONF, KUBEADM, is_control_plane, kubernetes_version
from edgeadm.phases.kubeadm_run import KubeadmRun

# What kubeadm's own preflight finds of our interrupted run (verified with kubeadm 1.34 and 1.36).
OF_OUR_OWN = (
    *(
        f"FileAvailable--etc-kubernetes-manifests-{name}.yaml"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
    ),
    "DirAvailable--var-lib-etcd",
    "Port-10250",
    "Port-10259",
    "Port-10257",
    "Port-2379",
    "Port-2380",
)


@dataclass(frozen=True)
class KubeadmInit(KubeadmRun):
    """Runs `kubeadm init` with the configuration. kubeadm's own phases can be skipped by their names."""

    summary: str = "run `kubeadm init`"
    end_of_talk: ClassVar[str] = "Your Kubernetes control-plane has initialized successfully!"

    def check(self, ctx: Context) -> Verdict:
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off in the middle of it")
        if is_control_plane(ctx):
            return Verdict(needed=False, reason=f"{ADMIN_CONF} exists: the control plane has been created")
        return Verdict(needed=True, reason="there is no control plane yet")

    def apply(self, ctx: Context) -> None:
        hint = (
            "`journalctl -xeu kubelet` shows the kubelet's log, `ctr -n k8s.io containers ls` the "
            "containers; run the same command again to resume"
        )
        self.run(ctx, self._command(ctx), hint)

    def _command(self, ctx: Context) -> list[str]:
        command = [
            "kubeadm",
            "init",
            "--config",
            CONFIG,
            "--skip-token-print",
            "--skip-certificate-key-print",
        ]
        if ctx.config.kubeadm.upload_certs:
            command.append("--upload-certs")
        if ctx.config.verbosity:
            command.append(f"-v={ctx.config.verbosity}")
        skip = [*kubeadm_skips(ctx), *document(ctx, "InitConfiguration").get("skipPhases", [])]
        if skip:
            command.append(f"--skip-phases={','.join(dict.fromkeys(skip))}")
        ignored = self._ignored(ctx)
        if ignored:
            command.append(f"--ignore-preflight-errors={','.join(ignored)}")
        return command

    def _ignored(self, ctx: Context) -> list[str]:
        """What the configuration already ignores need not be said again; what our own interrupted run left
        behind is no error."""
        if not ctx.journal.times("init", self.name):
            return []
        registration = document(ctx, "InitConfiguration").get("nodeRegistration", {})
        if "all" in registration.get("ignorePreflightErrors", []):
            return []
        port = document(ctx, "InitConfiguration").get("localAPIEndpoint", {}).get("bindPort", API_PORT)
        return [*OF_OUR_OWN, f"Port-{port}"]


def kubeadm_skips(ctx: Context) -> list[str]:
    """Those of `--skip-phases` that are phases of this kubeadm; `kubeadm/` may stand before them."""
    theirs = compat.init_phases(kubernetes_version(ctx))
    names = (name.removeprefix(f"{KUBEADM}/") for name in ctx.config.skip_phases)
    return [name for name in names if name in theirs]
