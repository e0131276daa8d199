"""`edgeadm certs check|renew`: certificates signed by edgeadm; `kubeadm certs` manages kubeadm's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from edgeadm import pki
from edgeadm.apps import egress_certificate
from edgeadm.apps.serving_certificates import SHARE, pairs, standing
from edgeadm.cli import console, options, pflag
from edgeadm.cli.addon import ClusterVerb, closing
from edgeadm.cli.report import PlainReport
from edgeadm.cli.session import looking
from edgeadm.config import Config
from edgeadm.config.model import AddonFlags
from edgeadm.core.phase import Context
from edgeadm.workflows import CERTS

COLUMNS = ("CERTIFICATE", "EXPIRES", "DAYS LEFT", "STATE")


@dataclass(frozen=True)
class Row:
    """One certificate as `certs check` shows it."""

    title: str
    found: pki.Standing

    @property
    def state(self) -> str:
        if self.found.fault:
            return self.found.fault
        return "ok" if self.found.left >= SHARE else "to renew"

    @property
    def cells(self) -> tuple[str, str, str, str]:
        expires = f"{self.found.expires:%Y-%m-%d %H:%M}" if self.found.left else "-"
        return self.title, expires, str(self.days), self.state

    @property
    def days(self) -> int:
        return max(0, self.found.days)


def rows(ctx: Context) -> Iterator[Row]:
    """The certificates in the cluster, then that of a local API server that is not a static Pod."""
    for pair in pairs(ctx):
        yield Row(pair.title, standing(ctx, pair))
    if ctx.host.stat(egress_certificate.CERTIFICATE) is not None:
        yield Row(egress_certificate.CERTIFICATE, egress_certificate.standing(ctx))


@click.group("certs", cls=pflag.Group)
def command() -> None:
    """Check and renew the edge components' certificates."""


@command.command()
@click.option("--kubeconfig", metavar="FILE", default="", help="Kubeconfig of the cluster.")
@click.option("--ca.cert", "ca_cert", metavar="FILE", default="", help="Certificate of the cluster CA.")
@options.output
def check(kubeconfig: str, ca_cert: str, output: str) -> None:
    """List the certificates with their expiry and problems. The exit status is 0 in any case."""
    config = VERB.with_cluster(Config(addon=AddonFlags(kubeconfig=kubeconfig, ca_cert=ca_cert)))
    with looking(CERTS.name, config, lambda _change: None, PlainReport()) as session:
        found = list(rows(session.ctx))
    if output == "json":
        console.data_json(
            [
                {
                    "name": row.title,
                    "expires": row.found.expires.isoformat(),
                    "daysLeft": row.days,
                    "state": row.state,
                }
                for row in found
            ]
        )
        return
    for line in console.columns([COLUMNS, *(row.cells for row in found)]):
        console.data(line)


RENEWED = closing(
    CERTS.name,
    "no certificate is about to expire",
    "The certificates are renewed, and the components have loaded them.",
)
VERB = ClusterVerb(CERTS, RENEWED, kubeadm=False, accepts=tuple(check.params))
command.add_command(VERB.command())
check.params += pflag.without_effect(check.params, VERB.options())
