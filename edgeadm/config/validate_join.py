"""Whether what a node that joins was given makes sense by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeadm.config.model import Config
from edgeadm.config.texts import TOKEN, is_address, is_endpoint
from edgeadm.config.ticket import Ticket, joins_control_plane, ticket_of

HASH = re.compile(r"sha256:[0-9a-f]{64}")
LABEL = re.compile(
    r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?=([A-Za-z0-9][A-Za-z0-9._-]{0,62})?"
)
TAINT = re.compile(r"[^=:\s]+(=[^=:\s]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")
KUBELET_PORTS = (10248, 10250, 10256)


def join_faults(config: Config) -> Iterator[str]:
    """Each fault as one line that names the flag."""
    ticket = ticket_of(config)
    yield from _where(config, ticket)
    yield from _trust(config, ticket)
    yield from _node(config)


def _where(config: Config, ticket: Ticket) -> Iterator[str]:
    file = config.join.discovery_file
    if ticket.kubeconfig == b"":
        yield f"--discovery-file: `{file or 'the file of the JoinConfiguration'}` cannot be read or is empty"
    if ticket.by_file and config.join.api_server_endpoint:
        yield "HOST:PORT: the discovery file already contains the API server's address; omit one of them"
    if not ticket.by_file and not ticket.endpoint:
        yield "HOST:PORT: required; pass the API server's address as printed by `edgeadm init`"
    elif ticket.endpoint and "://" in ticket.endpoint:
        yield f"HOST:PORT: `{ticket.endpoint}` is a URL; omit `https://`"
    elif ticket.endpoint and not is_endpoint(ticket.endpoint):
        yield f"HOST:PORT: `{ticket.endpoint}` is not of the form HOST:PORT"


def _trust(config: Config, ticket: Ticket) -> Iterator[str]:
    if not ticket.bootstrap_token:
        yield (
            "--token: required; create one with `edgeadm token create --print-join-command` on a control "
            "plane"
        )
    for name in ("discovery_token", "tls_bootstrap_token"):
        value = getattr(config.join, name)
        if value is not None and not TOKEN.fullmatch(value):
            yield f"--{name.replace('_', '-')}: not of the form abcdef.0123456789abcdef"
    for pin in ticket.ca_hashes:
        if not HASH.fullmatch(pin):
            yield f"--discovery-token-ca-cert-hash: `{pin}` is not `sha256:` and 64 hexadecimal digits"
    if not ticket.by_file and not ticket.ca_hashes and not ticket.trust_anyone:
        yield "--discovery-token-ca-cert-hash: required; without it the cluster's CA cannot be verified"
    if config.kubeadm.certificate_key and not joins_control_plane(config):
        yield "--certificate-key: requires `--control-plane`; workers do not use it"


def _node(config: Config) -> Iterator[str]:
    flags = config.join
    if not 0 < flags.lite_apiserver_port < 1 << 16:
        yield f"--lite-apiserver-port: {flags.lite_apiserver_port} is not a port"
    elif flags.lite_apiserver_port in KUBELET_PORTS:
        yield f"--lite-apiserver-port: {flags.lite_apiserver_port} is used by Kubernetes itself"
    if flags.node_ip is not None and not is_address(flags.node_ip):
        yield f"--node-ip: `{flags.node_ip}` is not an IP address"
    for label in flags.node_labels:
        if not LABEL.fullmatch(label):
            yield f"--node-labels: `{label}` is not of the form key=value"
        elif label.partition("=")[0].startswith("node-role.kubernetes.io/"):
            yield (
                f"--node-labels: the API does not allow a node to set the role in `{label}`; use `kubectl "
                "label`"
            )
    for taint in flags.register_with_taints:
        if not TAINT.fullmatch(taint):
            yield f"--register-with-taints: `{taint}` is not of the form key=value:Effect"
