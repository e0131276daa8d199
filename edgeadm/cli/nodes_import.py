"""`edgeadm nodes import`: a NodeFleet from an inventory of Ansible or a file of k0sctl."""

from __future__ import annotations

import click

from edgeadm.cli import console, pflag
from edgeadm.fleet.documents.importing import AUTO, KINDS, imported
from edgeadm.fleet.documents.load import STDIN, read_text


@click.command("import", cls=pflag.Command)
@click.argument("file")
@click.option(
    "--from", "kind", type=click.Choice(KINDS), default=AUTO, show_default=True, help="Format of the file."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="EDGEADM_OUTPUT",
    help="Output format: `text` is YAML with comments.",
)
def command(file: str, kind: str, output: str) -> int:
    """Print a NodeFleet for the hosts of another tool's FILE; `-` is stdin.

    FILE is an inventory of Ansible, in INI or YAML, or a file of k0sctl. Passwords are never copied. Values
    without an equivalent are comments at the top, and warnings.
    """
    result = imported(read_text(file), "stdin" if file == STDIN else file, kind)
    text = result.text()
    for each in result.notes:
        console.warn(f"{console.WARNING}not taken: {each}")
    if output == "json":
        console.data_json(result.document())
    else:
        console.data(text.rstrip())
    return 0
