"""The virtual IP with keepalived and haproxy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm.apps.facts import labels_of
from edgeadm.cluster import Object
from edgeadm.cluster.conditions import is_ready
from edgeadm.config.control_plane import KEEPALIVED
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.errors import CommandError, PhaseError, WaitError
from edgeadm.hosts import facts
from edgeadm.node.files import Files
from edgeadm.node.name import node_name
from edgeadm.node.state import CONTROL_PLANE, own_address
from edgeadm.node.virtual_ip import files
from edgeadm.node.virtual_ip.settings import FOLDER, Settings, is_unasked, settings
from edgeadm.phases.unit import UnitPhase

PEERS = "edgeadm.io/vip-peers"  # on each control plane's Node: the addresses that its keepalived knows
PATIENCE = 60.0
POLL = 0.2


@dataclass(frozen=True)
class Keepalived(UnitPhase):
    """keepalived holds the virtual IP, haproxy forwards connections to all API servers. On the first control
    plane both start before kubeadm, which uses the address; on others only after the existing ones know them,
    so that the address is never on two hosts."""

    name: str = "keepalived"
    summary: str = "manage the virtual IP with keepalived, and haproxy behind it"
    leaves: ClassVar[Leaves] = Leaves(
        units=tuple(Unit(name, f"{files.UNITS}/{name}.service") for name in files.SERVICES)
    )
    at_boot: ClassVar[tuple[str, ...]] = files.SERVICES

    def files(self, ctx: Context) -> Files:
        return files.files(ctx, _known(ctx))

    def superfluous(self, ctx: Context) -> str:
        return "" if is_unasked(ctx) or _wanted(ctx) else "keepalived was not requested"

    def unknown(self, ctx: Context) -> str:
        return "known after this host has joined as a control plane" if is_unasked(ctx) else ""

    def ready(self, ctx: Context) -> str:
        return f"keepalived is ready to hold {_known(ctx).shared.address}"

    def apply(self, ctx: Context) -> None:
        if not is_unasked(ctx):
            super().apply(ctx)

    def prepare(self, ctx: Context) -> None:
        ctx.host.run("install", "-d", "-m", "0755", files.LISTS)
        ctx.host.run(*files.members_command(ctx, _known(ctx)), "--once")
        _let_them_check(ctx)

    def start(self, ctx: Context) -> None:
        ctx.host.run("systemctl", "restart", files.HAPROXY, files.MEMBERS)
        if joins_control_plane(ctx.config):
            self._wait_until_known(ctx)
        ctx.host.run("systemctl", "restart", files.KEEPALIVED)
        if not joins_control_plane(ctx.config):
            self._wait_until_held(ctx, _known(ctx))

    def _wait_until_known(self, ctx: Context) -> None:
        """Without packets from its peers, a keepalived would take the address."""
        try:
            ctx.wait.until(
                "the other control planes know this one",
                lambda: not _unaware(ctx),
                seconds=PATIENCE,
                every=POLL,
                context=lambda: ", ".join(_unaware(ctx)),
            )
        except WaitError as error:
            ctx.warn(f"these control planes do not know this one yet: {error.context}")

    def _wait_until_held(self, ctx: Context, wanted: Settings) -> None:
        what = f"keepalived adds {wanted.shared.address} to {wanted.interface}"
        ctx.wait.until(
            what,
            lambda: is_held(ctx, wanted.shared.address),
            seconds=PATIENCE,
            every=POLL,
            context=lambda: ctx.host.ask("journalctl", "-u", files.KEEPALIVED, "-n", "15", "--no-pager").out,
            hint=f"`journalctl -u {files.KEEPALIVED}` has the full log",
        )


def is_held(ctx: Context, address: str) -> bool:
    """Whether the address is on this machine now."""
    found = (each.partition("/")[0] for every in facts.addresses(ctx.host).values() for each in every)
    return address in found


def _wanted(ctx: Context) -> Settings | None:
    found = settings(ctx)
    return found if found is not None and found.shared.kind == KEEPALIVED else None


def _known(ctx: Context) -> Settings:
    """The settings, for a phase that requires them. Raises PhaseError."""
    found = _wanted(ctx)
    if found is None:
        raise PhaseError("keepalived was not requested", hint="pass `--default-ha keepalived`")
    return found


def _let_them_check(ctx: Context) -> None:
    """Both programs read what was rendered before it is used. Raises PhaseError with their words."""
    haproxy = [files.program(ctx, "haproxy"), "-c", "-q"]
    haproxy += ["-f", f"{FOLDER}/haproxy.cfg", "-f", f"{files.LISTS}/servers.cfg"]
    keepalived = [files.program(ctx, "keepalived"), "-t", "-f", f"{FOLDER}/keepalived.conf"]
    for command in (haproxy, keepalived):
        answer = ctx.host.ask(*command)
        try:
            answer.checked()
        except CommandError as error:
            name = command[0].rpartition("/")[2]
            raise PhaseError(
                f"{name} rejects its configuration",
                context=error.context,
                hint=f"does a file in `--manifests-dir` replace edgeadm's? The original is in {FOLDER}",
            ) from error


def _unaware(ctx: Context) -> list[str]:
    """Live control planes whose keepalived does not send to this one yet."""
    own, name = own_address(ctx), node_name(ctx)
    nodes = ctx.connect().list_objects("v1", "Node")
    others = [node for node in nodes if node["metadata"]["name"] != name and _is_live_control_plane(node)]
    return [node["metadata"]["name"] for node in others if own not in _peers(node)]


def _peers(node: Object) -> list[str]:
    return str((node["metadata"].get("annotations") or {}).get(PEERS, "")).split(",")


def _is_live_control_plane(node: Object) -> bool:
    return is_ready(node) and CONTROL_PLANE in labels_of(node)
