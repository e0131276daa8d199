"""Manual steps for a control plane that edgeadm cannot change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edgeadm import pki
from edgeadm.apps.announced import authority, server
from edgeadm.apps.egress_files import CONFIG, FLAG, FOLDER, MANIFEST
from edgeadm.apps.objects import BOOTSTRAP, present
from edgeadm.cluster import Object
from edgeadm.cluster.errors import TokenRefusedError, TokenUnknownError
from edgeadm.config.ticket import Ticket
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError, UnreachableError, WaitError
from edgeadm.kubeadm import tokens

SIGNING = 20.0  # seconds for the controller to find a new token
LIFE = timedelta(minutes=5)
POLL = 0.5
NOT_HERE = (
    "logs, exec and webhooks do not reach nodes behind NAT yet: this requires the kube-apiserver flag "
    f"`--{FLAG}`. Run the same command on the host that runs kube-apiserver; if a provider runs it and does "
    "not offer the flag, edge nodes have to be reachable at port 10250"
)
WIRE = (
    f"add `--{FLAG}={CONFIG} --enable-aggregator-routing=true` to the command line of kube-apiserver on "
    f"this host, and restart it; copy {FOLDER} to every other host that runs kube-apiserver, and configure "
    "it there too"
)
SIGN = (
    "kube-controller-manager does not sign cluster-info, so joining hosts cannot verify the cluster: add "
    "`--controllers=*,bootstrapsigner,tokencleaner` to its command line, and restart it"
)
AUTHENTICATE = (
    "kube-apiserver does not accept bootstrap tokens: add `--enable-bootstrap-token-auth=true` to its "
    "command line, and restart it"
)


@dataclass(frozen=True)
class Running:
    """An API server that runs on this machine, and not as a Pod that edgeadm could edit."""

    command: tuple[str, ...]

    @property
    def is_wired(self) -> bool:
        """Whether it goes through the tunnel."""
        return f"--{FLAG}={CONFIG}" in self.command


def running(ctx: Context) -> Running | None:
    """The API server that was started on this machine by other means than a static Pod."""
    if ctx.host.stat(MANIFEST) is not None or in_pods(ctx):
        return None
    for pid in ctx.host.ask("pgrep", "-x", "kube-apiserver").out.split():
        line = ctx.host.read(f"/proc/{pid}/cmdline") or b""
        return Running(tuple(part.decode(errors="replace") for part in line.split(b"\0") if part))
    return None


def in_pods(ctx: Context) -> list[Object]:
    """The API servers that run as Pods, as kubeadm makes them."""
    return ctx.connect().list_objects("v1", "Pod", "kube-system", labels="component=kube-apiserver")


def steps(ctx: Context) -> list[str]:
    """All remaining manual steps; empty if edgeadm could make all changes."""
    return [each for each in (_to_join(ctx), _to_reach(ctx)) if each]


def _to_reach(ctx: Context) -> str:
    if ctx.host.stat(MANIFEST) is not None or in_pods(ctx):
        return ""  # edgeadm edits the manifest
    found = running(ctx)
    if found is None:
        return NOT_HERE
    return "" if found.is_wired else WIRE


def _to_join(ctx: Context) -> str:
    """Whether a host can discover this cluster and its token is accepted: tested with a short-lived token
    without permissions."""
    if not present(ctx, BOOTSTRAP):
        return ""  # kubeadm saw to it
    try:
        _try(ctx)
    except TokenUnknownError:
        return SIGN
    except TokenRefusedError:
        return AUTHENTICATE
    except UnreachableError as error:
        ctx.warn(f"discovery could not be tested: {error.message}")
    except EdgeadmError as error:
        return f"hosts that join cannot discover the cluster: {error.message}; {error.hint}".rstrip("; ")
    return ""


def _try(ctx: Context) -> None:
    token_id, secret = tokens.split(str(pki.new_token()))
    token = tokens.BootstrapToken(
        token_id, secret, datetime.now(UTC) + LIFE, groups=(), description="edgeadm tests this configuration"
    )
    where = server(ctx).removeprefix("https://")
    ticket = Ticket(where, token.token, token.token, (pki.discovery_hash(authority(ctx)),))
    tokens.create(ctx.connect(), token)
    try:
        _until_signed(ctx, ticket)
    finally:
        tokens.delete(ctx.connect(), token_id)


def _until_signed(ctx: Context, ticket: Ticket) -> None:
    try:
        ctx.wait.until(
            "the cluster accepts and signs for a new token",
            lambda: ctx.discover(ticket),
            seconds=SIGNING,
            every=POLL,
            # A token that was made this moment is not known to every API server yet.
            ignoring=(TokenUnknownError, TokenRefusedError),
        )
    except WaitError as error:
        raise error.__cause__ or error from None
