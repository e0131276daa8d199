"""The virtual IP's settings in a cluster. The first control plane determines them, others read them from a
Secret, and each keeps a copy."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.config.control_plane import VirtualIp, virtual_ip
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError
from edgeadm.hosts import Secret, facts
from edgeadm.node.state import ADMIN_CONF
from edgeadm.pki import decoded

FOLDER = "/etc/edgeadm/vip"
FILE = f"{FOLDER}/virtual-ip.json"
NAMESPACE, NAME = "kube-system", "edgeadm-virtual-ip"
PASSWORD_BYTES = 4  # as hexadecimal the eight characters that VRRP has room for


@dataclass(frozen=True)
class Settings:
    """A virtual IP and how its holders find each other. `interface` is this node's own."""

    shared: VirtualIp
    router_id: int
    password: Secret
    interface: str

    def text(self) -> bytes:
        """As it is kept on the node."""
        return json.dumps(self.values() | {"interface": self.interface}, indent=2).encode() + b"\n"

    def values(self) -> dict[str, str]:
        """As control planes that join read it."""
        return {
            "kind": self.shared.kind,
            "address": self.shared.address,
            "port": str(self.shared.port),
            "bindPort": str(self.shared.bind_port),
            "routerId": str(self.router_id),
            "password": str(self.password),
        }


def settings(ctx: Context) -> Settings | None:
    """Those of this node; None where its cluster has no virtual IP of edgeadm's, or is not asked yet."""
    kept = kept_settings(ctx)
    shared = virtual_ip(ctx.config)
    if shared is not None:
        password = kept.password if kept else Secret(secrets.token_hex(PASSWORD_BYTES))
        return Settings(shared, _router_id(shared.address), password, _interface(ctx, kept))
    if kept is not None or not joins_control_plane(ctx.config):
        return kept
    return _of_the_cluster(ctx)


def kept_settings(ctx: Context) -> Settings | None:
    """Those that an earlier run wrote down."""
    text = ctx.host.read(FILE)
    try:
        return _parsed(json.loads(text), json.loads(text)["interface"]) if text else None
    except (ValueError, KeyError, TypeError):
        return None


def is_unasked(ctx: Context) -> bool:
    """Whether only the cluster knows, and this machine cannot read its Secrets yet."""
    joins = joins_control_plane(ctx.config) and kept_settings(ctx) is None
    return joins and ctx.host.stat(ADMIN_CONF) is None


def _of_the_cluster(ctx: Context) -> Settings | None:
    if is_unasked(ctx):
        return None
    found = ctx.connect().get("v1", "Secret", NAME, NAMESPACE)
    if found is None:
        return None
    try:
        data = {key: decoded(value).decode() for key, value in (found.get("data") or {}).items()}
        return _parsed(data, _interface(ctx, None))
    except (ValueError, KeyError) as error:
        raise PhaseError(
            f"the Secret {NAMESPACE}/{NAME} is damaged",
            context=repr(error),
            hint="write it again with `edgeadm init phase share-settings` on the first control plane",
        ) from None


def _parsed(data: Mapping[str, Any], interface: str) -> Settings:
    shared = VirtualIp(data["kind"], data["address"], int(data["port"]), int(data["bindPort"]))
    return Settings(shared, int(data["routerId"]), Secret(data["password"]), interface)


def _interface(ctx: Context, kept: Settings | None) -> str:
    given = ctx.config.interface or (kept.interface if kept else "")
    return given or facts.default_interface(ctx.host)


def _router_id(address: str) -> int:
    """VRRP's number of the group, 1 to 255: the last byte, so that clusters of a site rarely share one."""
    return ipaddress.ip_address(address).packed[-1] or 255
