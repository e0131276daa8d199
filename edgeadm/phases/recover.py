"""Files of an interrupted `kubeadm init`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm import pki
from edgeadm.cluster.kubeconfig import is_whole
from edgeadm.config.control_plane import certificates_dir
from edgeadm.config.kubeadm_defaults import KUBERNETES
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import PhaseError
from edgeadm.node.kubeadm_documents import document
from edgeadm.node.state import kubeadm_was_cut_off

LEAVES = (
    "apiserver",
    "apiserver-kubelet-client",
    "front-proxy-client",
    "etcd/server",
    "etcd/peer",
    "etcd/healthcheck-client",
    "apiserver-etcd-client",
)
AUTHORITIES = ("ca", "front-proxy-ca", "etcd/ca")
KUBECONFIGS = ("admin", "super-admin", "kubelet", "controller-manager", "scheduler")


@dataclass(frozen=True)
class Recover(Phase):
    """Removes half-written files of an interrupted kubeadm, which accepts a certificate without its key, and
    stops at an empty file. kubeadm creates removed leaf certificates again; complete ones, and all CAs, are
    kept."""

    name: str = "recover"
    summary: str = "remove half-written files of an interrupted run"

    def check(self, ctx: Context) -> Verdict:
        if not kubeadm_was_cut_off(ctx, "init"):
            return Verdict(needed=False, reason="no run was interrupted")
        broken = list(_broken(ctx))
        if not broken:
            return Verdict(needed=False, reason="everything that the interrupted run wrote is complete")
        return Verdict(needed=True, reason=f"half-written: {', '.join(broken)}")

    def apply(self, ctx: Context) -> None:
        for path in list(_broken(ctx)):
            ctx.host.remove(path)
            ctx.say(f"removed {path}")


def _broken(ctx: Context) -> Iterator[str]:
    folder = certificates_dir(document(ctx, "ClusterConfiguration"))
    for name in AUTHORITIES:
        yield from _broken_authority(ctx, f"{folder}/{name}")
    for name in LEAVES:
        if not _whole(ctx, f"{folder}/{name}"):
            yield from _present(ctx, f"{folder}/{name}")
    for name in KUBECONFIGS:
        path = f"{KUBERNETES}/{name}.conf"
        text = ctx.host.read(path)
        if text is not None and not is_whole(text):
            yield path


def _broken_authority(ctx: Context, base: str) -> Iterator[str]:
    """Half of a CA may be removed only if no certificate signed by it can be in use."""
    if _whole(ctx, base):
        return
    if ctx.host.names("/var/lib/etcd"):
        raise PhaseError(
            f"{base}.crt and {base}.key do not match, and the cluster has used them",
            hint="restore the matching files from a backup; edgeadm does not replace the CA of a cluster",
        )
    yield from _present(ctx, base)


def _whole(ctx: Context, base: str) -> bool:
    """Whether the pair is there and fits, or is not there at all."""
    certificate, key = ctx.host.read(f"{base}.crt"), ctx.host.read(f"{base}.key")
    if certificate is None and key is None:
        return True
    return certificate is not None and key is not None and pki.fits(certificate, key)


def _present(ctx: Context, base: str) -> Iterator[str]:
    return (path for path in (f"{base}.crt", f"{base}.key") if ctx.host.stat(path) is not None)
