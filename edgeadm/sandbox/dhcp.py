"""The sandbox's DHCP server: Debian's dnsmasq, in the switch, with one fixed address for each node.

A lease lasts two minutes, the shortest that dnsmasq gives: a node that boots without the server has no
address that is still valid."""

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
    """Path in a node → text, so that the image's own DHCP client asks for an address at each boot: that of
    ifupdown where the image has it, as Debian's installer sets it up, else systemd-networkd."""
    if (image / "usr/sbin/ifup").exists():
        return {"etc/network/interfaces.d/eth0": IFUPDOWN}
    return {"etc/systemd/network/10-eth0.network": NETWORKD}


def enable_client(root: Path, image: Path) -> None:
    """Have a node's systemd-networkd start at boot; ifupdown does by itself."""
    wants = root / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    if not (image / "usr/sbin/ifup").exists() and not wants.is_symlink():
        wants.parent.mkdir(parents=True, exist_ok=True)
        wants.symlink_to("/lib/systemd/system/systemd-networkd.service")


def serve(record: SandboxRecord, folder: Path) -> None:
    """Start the server, or have a running one read the nodes anew; nothing where no node asks for one."""
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
    """One line of dnsmasq's host file for each node that asks."""
    return [f"{names.mac(node.ip)},{node.ip},{node.name}" for node in record.nodes if node.dhcp]


def command(record: SandboxRecord, folder: Path) -> list[str]:
    """dnsmasq with its DHCP part alone: no DNS, no configuration of this machine."""
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
    """End the server, if one runs."""
    for pid in _servers(sandbox):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def switch_on(folder: Path, *, on: bool) -> None:
    """Remember whether the server shall run."""
    (folder / "dhcp-off").unlink(missing_ok=True) if on else (folder / "dhcp-off").touch()


def is_off(folder: Path) -> bool:
    """Whether the server was switched off."""
    return (folder / "dhcp-off").exists()


def _servers(sandbox: str) -> Iterator[int]:
    """The server's processes: those of dnsmasq in the namespace of the switch."""
    listed = execute(["ip", "netns", "pids", names.switch_netns(sandbox)]).out.split()
    for pid in map(int, listed):
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "dnsmasq":
                yield pid
