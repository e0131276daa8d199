"""Configuration files of keepalived, haproxy and vip-members."""

from __future__ import annotations

from edgeadm.config.control_plane import ALIVE_PORT
from edgeadm.core.phase import Context
from edgeadm.errors import PhaseError
from edgeadm.hosts import facts
from edgeadm.node.files import renderer
from edgeadm.node.name import node_name
from edgeadm.node.state import ADMIN_CONF, own_address
from edgeadm.node.virtual_ip.settings import FILE, FOLDER, Settings

TOOLS = "/usr/lib/edgeadm/vip"
LISTS = "/var/lib/edgeadm/vip"
UNITS = "/etc/systemd/system"
HAPROXY, KEEPALIVED, MEMBERS = "edgeadm-haproxy", "edgeadm-keepalived", "edgeadm-vip-members"
# In the order in which they start.
SERVICES = (HAPROXY, KEEPALIVED, MEMBERS)
SYSTEM = {"keepalived": "/usr/sbin/keepalived", "haproxy": "/usr/sbin/haproxy"}


def files(ctx: Context, settings: Settings) -> dict[str, tuple[bytes, int]]:
    """Path → content and mode."""
    values = {
        "folder": FOLDER,
        "lists": LISTS,
        "address": settings.shared.address,
        "port": settings.shared.port,
        "alive_port": ALIVE_PORT,
        "interface": settings.interface,
        "router_id": settings.router_id,
        "password": str(settings.password),
        "own_address": own_address(ctx),
        "haproxy": program(ctx, "haproxy"),
        "keepalived": program(ctx, "keepalived"),
        "members": members_command(ctx, settings),
    }
    render = renderer(ctx)
    found = {
        FILE: (settings.text(), 0o600),
        f"{FOLDER}/alive.sh": (render.text("ha/alive.sh", values).encode(), 0o755),
        f"{FOLDER}/haproxy.cfg": (render.text("ha/haproxy.cfg", values).encode(), 0o644),
        f"{FOLDER}/keepalived.conf": (render.text("ha/keepalived.conf", values).encode(), 0o600),
    }
    for name in SERVICES:
        text = render.text(f"systemd/{name}.service", values)
        found[f"{UNITS}/{name}.service"] = (text.encode(), 0o644)
    return found


def members_command(ctx: Context, settings: Settings) -> list[str]:
    """The keeper of the lists, which asks this machine's own API server."""
    return [
        f"{TOOLS}/vip-members",
        f"--kubeconfig={ADMIN_CONF}",
        f"--server=https://127.0.0.1:{settings.shared.bind_port}",
        f"--node={node_name(ctx)}",
        f"--self={own_address(ctx)}",
        f"--port={settings.shared.bind_port}",
        f"--alone={settings.shared.address}",
        f"--folder={LISTS}",
    ]


def program(ctx: Context, name: str) -> str:
    """The path of the program: the package's, else the system's. Raises PhaseError if it is missing."""
    inside = f"{TOOLS}/{name}"
    if (ctx.package and ctx.package.has(f"tools/vip/{name}")) or ctx.host.stat(inside) is not None:
        return inside
    if facts.has_program(ctx.host, name):
        return SYSTEM[name]
    raise PhaseError(
        f"{name} is neither installed nor in the package",
        hint="pass `--install-pkg-path`, or install keepalived and haproxy from your distribution",
    )
