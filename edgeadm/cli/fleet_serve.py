"""`edgeadm fleet-serve`: serves the files of a fleet on a LAN. `edgeadm nodes` starts it on a machine."""

from __future__ import annotations

from pathlib import Path

import click

from edgeadm.cli import pflag
from edgeadm.fleet.layout import STATE


@click.command("fleet-serve", cls=pflag.Command, hidden=True)
@click.option("--address", required=True, help="IP address to listen on.")
@click.option("--idle", type=click.IntRange(1), default=600, help="Seconds without a connection.")
@click.option("--life", type=click.IntRange(1), default=3600, help="Seconds in any case.")
@click.option("--port-file", type=click.Path(path_type=Path), required=True, help="File for the port.")
@click.option("--files", type=click.Path(path_type=Path), default=Path(STATE) / "files", help="Directory.")
def command(address: str, idle: int, life: int, port_file: Path, files: Path) -> None:
    """Serve the files of a fleet to the machines of a site."""
    from edgeadm.fleet.lan import Server, table

    whole = [path for path in sorted(files.iterdir()) if path.is_file() and not path.name.endswith(".part")]
    server = Server(table(whole), address, idle, life)
    with server.open() as listener:
        part = port_file.with_name(f"{port_file.name}.part")
        part.write_text(f"{listener.getsockname()[1]}\n", encoding="ascii")
        part.replace(port_file)
        server.run(listener)
