"""kubeadm's configuration for `kubeadm init`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeadm import pki, yaml_text
from edgeadm.config.control_plane import virtual_ip
from edgeadm.config.ranges import pod_subnet
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import Secret, facts
from edgeadm.kubeadm.documents import render
from edgeadm.kubeadm.model import KubeadmModel
from edgeadm.node import patches
from edgeadm.node.kubeadm_documents import (
    CONFIG,
    SOCKET,
    cgroup_driver,
    ignored_checks,
    let_kubeadm_validate,
    node_ip,
)
from edgeadm.node.state import is_control_plane, kubernetes_version, own_address, tolerates_cgroup_v1


@dataclass(frozen=True)
class KubeadmConfig(Phase):
    """kubeadm's configuration: the user's documents, overridden by flags, with edgeadm's additions."""

    name: str = "kubeadm-config"
    summary: str = "write kubeadm's configuration"

    def check(self, ctx: Context) -> Verdict:
        if is_control_plane(ctx):
            return Verdict(needed=False, reason="kubeadm has run")
        if ctx.host.read(CONFIG) is None:
            return Verdict(needed=True, reason=f"{CONFIG} is missing")
        if ctx.host.read(CONFIG) != text(ctx):
            return Verdict(needed=True, reason=f"{CONFIG} differs from the requested configuration")
        return Verdict(needed=False, reason=f"{CONFIG} is up to date")

    def apply(self, ctx: Context) -> None:
        wanted = text(ctx)
        let_kubeadm_validate(ctx, wanted)
        ctx.host.write(CONFIG, wanted, 0o600)


def text(ctx: Context) -> bytes:
    """The YAML documents. A token or key that an earlier run wrote is kept: a re-run changes nothing."""
    import yaml

    before = _init_document(ctx.host.read(CONFIG))
    tokens = before.get("bootstrapTokens") or [{}]
    shared = virtual_ip(ctx.config)
    model = KubeadmModel(
        kubernetes_version=kubernetes_version(ctx),
        cri_socket=SOCKET,
        token=Secret(tokens[0].get("token") or pki.new_token()),
        flags=ctx.config.kubeadm,
        documents=ctx.config.kubeadm_documents,
        certificate_key=Secret(before.get("certificateKey") or pki.new_certificate_key())
        if ctx.config.kubeadm.upload_certs
        else Secret(),
        pod_subnet=pod_subnet(ctx.config),
        ignore_preflight_errors=ignored_checks(ctx),
        kubelet_args=node_ip(ctx),
        cgroup_driver=cgroup_driver(ctx),
        tolerate_cgroup_v1=tolerates_cgroup_v1(ctx),
        fixed_conntrack=facts.conntrack_is_fixed(ctx.host),
        advertise_address=own_address(ctx),
        bind_port=shared.bind_port if shared else None,
        endpoint=shared.endpoint if shared else "",
        patches=patches.FOLDER if patches.starts_with_tunnel(ctx) else "",
        packed=ctx.package is not None,
    )
    documents = render(model, kubernetes_version(ctx))
    return yaml.safe_dump_all(documents, sort_keys=False).encode()


def _init_document(data: bytes | None) -> dict[str, Any]:
    import yaml

    try:
        found = [each for each in yaml_text.load_all(data or b"") if isinstance(each, dict)]
    except yaml.YAMLError:
        return {}
    return next((each for each in found if each.get("kind") == "InitConfiguration"), {})
