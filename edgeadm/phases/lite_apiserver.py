"""lite-apiserver as a systemd unit, and the timer that renews its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm import pki
from edgeadm.cluster import Outside
from edgeadm.config.address import HostPort
from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.node.files import Files, renderer, with_mode
from edgeadm.node.lite_files import AUTHORITY, CACHE, DATA, FOLDER, LOCAL, PAIR, TLS, address_of, place_of
from edgeadm.node.membership import CLIENT, known_facts
from edgeadm.node.offline_files import HELPER, has_helper
from edgeadm.node.units import (
    LITE_APISERVER,
    LITE_APISERVER_FILE,
    RENEWAL,
    RENEWAL_FILE,
    RENEWAL_TIMER,
    RENEWAL_TIMER_FILE,
)
from edgeadm.phases.unit import EdgeUnit

PATIENCE = 60.0
POLL = 0.03


@dataclass(frozen=True)
class LiteApiServer(EdgeUnit):
    """lite-apiserver as a unit: the kubelet's API server on this node, which responds from its cache during
    an outage. It is tested, including its certificate, before a kubelet depends on it. A timer renews its
    certificate."""

    name: str = "lite-apiserver"
    summary: str = "start lite-apiserver and wait until it responds"
    leaves: ClassVar[Leaves] = Leaves(
        units=(
            Unit(LITE_APISERVER, LITE_APISERVER_FILE),
            Unit(RENEWAL, RENEWAL_FILE),
            Unit(RENEWAL_TIMER, RENEWAL_TIMER_FILE),
        ),
        places=(DATA,),
        shared=(DATA.rpartition("/")[0],),
    )
    at_boot: ClassVar[tuple[str, ...]] = (LITE_APISERVER, RENEWAL_TIMER)
    done: ClassVar[str] = "lite-apiserver runs"
    cut_off: ClassVar[str] = "before it answered"

    def files(self, ctx: Context) -> Files:
        return with_mode(_files(ctx))

    def units(self, ctx: Context) -> tuple[str, ...]:
        return self.at_boot if has_helper(ctx) else (LITE_APISERVER,)

    def prepare(self, ctx: Context) -> None:
        ctx.host.run("install", "-d", "-m", "0700", CACHE)
        if not has_helper(ctx):
            ctx.warn(f"{HELPER} is missing: the certificate of lite-apiserver is not renewed automatically")

    def start(self, ctx: Context) -> None:
        super().start(ctx)
        _wait(ctx)


def _wait(ctx: Context) -> None:
    server = address_of(known_facts(ctx), ctx.config.join.lite_apiserver_port)
    api = ctx.outside().through(server)
    ctx.wait.until(
        f"lite-apiserver responds at {server}",
        lambda: _answers(api),
        seconds=PATIENCE,
        every=POLL,
        context=lambda: _log(ctx),
        hint=f"`journalctl -u {LITE_APISERVER}` has the full log; {PAIR} is its serving certificate",
        ignoring=(UnreachableError, ApiError),
    )


def _answers(api: Outside) -> bool:
    """True; raises what the API raises if it does not answer."""
    api.get("/healthz")
    return True


def _log(ctx: Context) -> str:
    return ctx.host.ask("journalctl", "-u", LITE_APISERVER, "-n", "15", "--no-pager").out


def _files(ctx: Context) -> dict[str, bytes]:
    facts = known_facts(ctx)
    where = HostPort.of_url(facts.server)
    values = {
        "folder": FOLDER,
        "host": where.host,
        "api_port": where.port,
        "address": facts.virtual_address,
        "port": ctx.config.join.lite_apiserver_port,
        "cache": CACHE,
        "client": CLIENT,
        "pair": PAIR,
        "server": facts.server,
        "serves": place_of(facts, ctx.config.join.lite_apiserver_port),
    }
    server = address_of(facts, ctx.config.join.lite_apiserver_port)
    local = {"server": server, "ca": pki.encoded(facts.ca.encode())}
    render = renderer(ctx)
    found = {
        AUTHORITY: facts.ca.encode(),
        TLS: render.text("edge/tls.json", values).encode(),
        LOCAL: render.text("edge/local.conf", local).encode(),
        LITE_APISERVER_FILE: render.text("systemd/lite-apiserver.service", values).encode(),
    }
    if has_helper(ctx):
        found[RENEWAL_FILE] = render.text("systemd/edgeadm-certificate.service", values).encode()
        found[RENEWAL_TIMER_FILE] = render.text("systemd/edgeadm-certificate.timer", values).encode()
    return found
