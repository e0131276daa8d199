"""The sandbox's DHCP server: Debian's dnsmasq in the switch, with a fixed address for each node.

A lease lasts two minutes, the minimum of dnsmasq: a node that boots without the server has no valid address.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import names
from edgeadm.sandbox.state import SandboxRecord

TOOLS = ("dnsmasq-base",)
BRIDGE = "br0"
LEASE = "2m"
NETWORKD = "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n"
IFUPDOWN = "auto eth0\niface eth0 inet dhcp\n"


def client_files(image: Path) -> dict[str, str]:
    """Path in a node → content of the files that make the image's own DHCP client configure the node at each
    boot: ifupdown if the image contains it, as Debian's installer sets it up, else systemd-networkd."""
    if (image / "usr/sbin/ifup").exists():
        return {"etc/network/interfaces.d/eth0": IFUPDOWN}
    return {"etc/systemd/network/10-eth0.network": NETWORKD}


def enable_client(root: Path, image: Path) -> None:
    """Enable systemd-networkd in a node; ifupdown is enabled by default."""
    wants = root / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    if not (image / "usr/sbin/ifup").exists() and not wants.is_symlink():
        wants.parent.mkdir(parents=True, exist_ok=True)
        wants.symlink_to("/lib/systemd/system/systemd-networkd.service")


def serve(record: SandboxRecord, folder: Path) -> None:
    """Start the server, or reload a running one; does nothing if no node uses DHCP."""
    if not any(node.dhcp for node in record.nodes) or is_off(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dhcp-hosts").write_text("".join(f"{line}\n" for line in hosts(record)))
    running = list(_servers(record.name))
    for pid in running:
        os.kill(pid, signal.SIGHUP)
    if not running:
        execute(["ip", "netns", "exec", names.switch_netns(record.name), *command(record, folder)]).checked()


def hosts(record: SandboxRecord) -> list[str]:
    """One line of dnsmasq's host file for each DHCP node."""
    return [f"{names.mac(node.ip)},{node.ip},{node.name}" for node in record.nodes if node.dhcp]


def command(record: SandboxRecord, folder: Path) -> list[str]:
    """dnsmasq with its DHCP part only: no DNS, no configuration of this host."""
    network = str(names.subnet(record.number).network_address)
    return [
        "dnsmasq",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        f"--interface={BRIDGE}",
        "--bind-interfaces",
        "--dhcp-authoritative",
        f"--dhcp-range={network},static,{LEASE}",
        f"--dhcp-hostsfile={folder / 'dhcp-hosts'}",
        f"--dhcp-option=option:router,{record.gateway}",
        f"--dhcp-option=option:dns-server,{record.gateway}",
        f"--dhcp-leasefile={folder / 'dhcp-leases'}",
        f"--log-facility={folder / 'dhcp.log'}",
        f"--pid-file={folder / 'dhcp.pid'}",
    ]


def stop(sandbox: str) -> None:
    """Stop the server if it is running."""
    for pid in _servers(sandbox):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def switch_on(folder: Path, *, on: bool) -> None:
    """Record whether the server should run."""
    (folder / "dhcp-off").unlink(missing_ok=True) if on else (folder / "dhcp-off").touch()


def is_off(folder: Path) -> bool:
    """Whether the server was turned off."""
    return (folder / "dhcp-off").exists()


def _servers(sandbox: str) -> Iterator[int]:
    """The server's processes: dnsmasq processes in the namespace of the switch."""
    listed = execute(["ip", "netns", "pids", names.switch_netns(sandbox)]).out.split()
    for pid in map(int, listed):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "dnsmasq":
                yield pid
