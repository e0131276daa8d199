"""lite-apiserver as a systemd unit, and the timer that renews its certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeadm import pki
from edgeadm.cluster import Outside
from edgeadm.config.address import HostPort
from edgeadm.core.leaves import Leaves, Unit
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.node.files import difference, renderer, write_files
from edgeadm.node.lite_files import AUTHORITY, CACHE, DATA, FOLDER, LOCAL, PAIR, TLS, address_of, place_of
from edgeadm.node.membership import CLIENT, cluster_facts, known_facts
from edgeadm.node.offline_files import HELPER, has_helper
from edgeadm.node.units import (
    LITE_APISERVER,
    LITE_APISERVER_FILE,
    RENEWAL,
    RENEWAL_FILE,
    RENEWAL_TIMER,
    RENEWAL_TIMER_FILE,
    start_at_boot,
)

PATIENCE = 60.0
POLL = 0.03


@dataclass(frozen=True)
class LiteApiServer(Phase):
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

    def check(self, ctx: Context) -> Verdict:
        if cluster_facts(ctx) is None:
            return Verdict(needed=True, reason="it is not installed yet")
        if differs := difference(ctx, _files(ctx)):
            return Verdict(needed=True, reason=differs)
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before it answered")
        for unit in _units(ctx):
            for question in ("is-enabled", "is-active"):
                if ctx.host.ask("systemctl", question, "--quiet", unit).code != 0:
                    return Verdict(needed=True, reason=f"{unit} is not running")
        return Verdict(needed=False, reason="lite-apiserver runs")

    def apply(self, ctx: Context) -> None:
        write_files(ctx, _files(ctx))
        ctx.host.run("install", "-d", "-m", "0700", CACHE)
        if not has_helper(ctx):
            ctx.warn(f"{HELPER} is missing: the certificate of lite-apiserver is not renewed automatically")
        start_at_boot(ctx, *_units(ctx))
        ctx.host.run("systemctl", "restart", *_units(ctx))
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


def _units(ctx: Context) -> tuple[str, ...]:
    return (LITE_APISERVER, RENEWAL_TIMER) if has_helper(ctx) else (LITE_APISERVER,)
