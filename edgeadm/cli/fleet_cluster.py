"""`edgeadm fleet-cluster`: `edgeadm apply` as the controller in the cluster calls it, not for users."""

from __future__ import annotations

import click

from edgeadm.cli import console, pflag, stream
from edgeadm.cli.apply import Applying, with_packages
from edgeadm.config.secret import masked, secrets_in
from edgeadm.errors import EdgeadmError


@click.command("fleet-cluster", cls=pflag.Command, hidden=True)
@click.option("--file", required=True, help="Document of the cluster.")
@click.option("--install-pkg-path", "packages", multiple=True, help="Offline package.")
def command(file: str, packages: tuple[str, ...]) -> int:
    """Create a cluster from a document; prints one JSON document, also for an error."""
    from edgeadm.fleet.apply import fitted
    from edgeadm.fleet.bundle import Bundles
    from edgeadm.fleet.clusters import folder_of
    from edgeadm.fleet.documents import Options, load_fleet
    from edgeadm.fleet.documents.node_fleet import Ssh

    secrets: set[str] = set()
    try:
        # Variables of this process are not those of the author of the document.
        options = Options(environ={}, ssh=Ssh(host_key_policy="accept-new"))
        fleet = with_packages(load_fleet(file, options), packages)
        secrets = {each for each in secrets_in(fleet) if each}
        stream.current().secrets |= secrets
        bundles = Bundles(fleet.packages)
        fleet = fitted(fleet, {arch: bundles.manifest(arch) for arch in fleet.packages})
        applying = Applying(fleet, folder_of(fleet.name), {"file": file, "prune": False, "yes": True})
        code = applying.run()
    except EdgeadmError as error:
        console.data_json(masked({"error": error.as_dict()}, secrets))
        return error.exit_code
    stages = [{"stage": title, **summary.as_dict()} for title, summary in applying.results]
    console.data_json(masked({"exitCode": code, "warnings": list(fleet.warnings), "stages": stages}, secrets))
    return code
