"""The disk of a virtual machine: a copy of the node's file tree in one file system, with kernel modules, a
network configuration, and access over the virtio port."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import disk, keys, names, second, vm
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

HOME = "usr/local/lib/edgeadm-sandbox"
# Files of the layer over the root image (`layer`) that only a container needs.
OF_A_CONTAINER = (
    f"{HOME}/node-setup",
    "etc/systemd/system/edgeadm-sandbox.service",
    "etc/systemd/system/sysinit.target.wants/edgeadm-sandbox.service",
    "etc/systemd/system.conf.d/edgeadm-sandbox.conf",
    "etc/systemd/system/systemd-udev-trigger.service.d/edgeadm-sandbox.conf",
)
FSTAB = "/dev/vda / ext4 errors=remount-ro 0 1\n"
# By default, systemd-networkd sets no address without a carrier.
NETWORKD = "[Match]\nMACAddress={mac}\n\n[Network]\nAddress={ip}/24\n{gateway}"
SYSTEMD = "/lib/systemd/system"
# Unit → the target that wants it, as with `systemctl enable`.
ENABLED = {
    "systemd-networkd.service": "multi-user.target",
    "systemd-networkd-wait-online.service": "network-online.target",
    "apparmor.service": "sysinit.target",
}
PORT_UNIT = f"""\
[Unit]
Description=Commands of the host over the virtio port
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/bin/bash /{HOME}/port
Restart=always
KillMode=process
"""
# The port is opened for each connection: closing it discards data of the previous one. sshd gets pipes: it
# makes its descriptors non-blocking, and both directions of the port share one.
PORT_SCRIPT = f"""\
# Starts an sshd for each connection to the virtio port, at the first line of its client.
port=/dev/virtio-ports/{vm.PORT}
pause() {{ read -r -t 0.3 <> <(:) || :; }}
serve() {{
    local line
    while read -r line; do
        [[ $line == *SSH-2.0-* ]] || continue
        {{
            printf 'SSH-2.0-%s\\n' "${{line##*SSH-2.0-}}"
            exec cat
        }} | /usr/sbin/sshd -i -f /{HOME}/sshd_config | cat
        return
    done
}}
mkdir -p /run/sshd
while :; do
    until [ -c "$port" ]; do pause; done
    serve <>"$port" >&0 2>/dev/null
    pause
done
"""
SSHD = f"""\
HostKey /{HOME}/host_key
AuthorizedKeysFile /{HOME}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
ChallengeResponseAuthentication no
UsePAM no
StrictModes no
LoginGraceTime 0
MaxSessions 1000
PrintMotd no
PrintLastLog no
PidFile none
"""


@dataclass(frozen=True)
class Parts:
    """The sources of a disk: the node's directory (its disk and root are mounted), the files of the kernel,
    the package for nodes, and the private key for access."""

    folder: Path
    kernel_files: Path
    package: Path
    key: Path


def make_disk(parts: Parts, record: SandboxRecord, node: NodeRecord) -> Path:
    """Create the disk; returns its file. An incomplete disk is replaced."""
    file = vm.disk(parts.folder)
    part = file.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.unlink(missing_ok=True)
    disk.make(part)
    with _mounted(part, parts.folder / vm.FOLDER / "root") as root:
        _copy(parts.folder / "root", root)
        for name in ("containerd", "kubelet"):
            _copy(parts.folder / "disk" / name, root / "var/lib" / name)
        _copy(parts.kernel_files, root)
        _copy(parts.package, root / "mnt/package")
        adapt(root, record, node, keys.public_key(parts.key))
    part.replace(file)
    return file


def adapt(root: Path, record: SandboxRecord, node: NodeRecord, public_key: str) -> None:
    """Turn the file tree of a container into that of a virtual machine."""
    for path in OF_A_CONTAINER:
        (root / path).unlink(missing_ok=True)
    unmask(root)
    for path, text in files(record, node, public_key).items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        target.write_text(text)
    keys.public_key(root / HOME / "host_key")
    for unit, target_unit in ENABLED.items():
        if (root / SYSTEMD.lstrip("/") / unit).exists():
            enable(root, unit, target_unit, f"{SYSTEMD}/{unit}")
    enable(root, "edgeadm-port.service", "sysinit.target", "/etc/systemd/system/edgeadm-port.service")


def files(record: SandboxRecord, node: NodeRecord, public_key: str) -> dict[str, str]:
    """Path → text of the files that a virtual machine needs in addition."""
    found = {
        "etc/fstab": FSTAB,
        f"{HOME}/port": PORT_SCRIPT,
        f"{HOME}/sshd_config": SSHD,
        f"{HOME}/authorized_keys": public_key,
        "etc/systemd/system/edgeadm-port.service": PORT_UNIT,
    }
    if not node.dhcp:
        out = "" if node.second == second.UPLINK else record.gateway
        found["etc/systemd/network/10-eth0.network"] = _network(names.mac(node.ip), node.ip, out)
    if node.second:
        ip = second.address(record, node)
        out = second.gateway(record) if node.second == second.UPLINK else ""
        found["etc/systemd/network/10-eth1.network"] = _network(names.mac(ip), ip, out)
    return found


def unmask(root: Path) -> list[str]:
    """Unmask all units; returns their names."""
    units = root / "etc/systemd/system"
    masked = [path for path in units.glob("*") if path.is_symlink() and str(path.readlink()) == "/dev/null"]
    for path in masked:
        path.unlink()
    return sorted(path.name for path in masked)


def enable(root: Path, unit: str, wanted_by: str, target: str) -> None:
    """Enable a unit."""
    link = root / "etc/systemd/system" / f"{wanted_by}.wants" / unit
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(target)


def _network(mac: str, ip: str, gateway: str) -> str:
    return NETWORKD.format(mac=mac, ip=ip, gateway=f"Gateway={gateway}\n" if gateway else "")


@contextmanager
def _mounted(file: Path, place: Path) -> Iterator[Path]:
    place.mkdir(parents=True, exist_ok=True)
    execute(["mount", "-t", "ext4", "-o", disk.OPTIONS, str(file), str(place)]).checked()
    try:
        yield place
        execute(["sync", "--file-system", str(place)]).checked()
    finally:
        execute(["umount", str(place)]).checked()
        shutil.rmtree(place)


def _copy(source: Path, target: Path) -> None:
    """Copy the content of a directory with owners, modes, times, attributes and holes."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        execute(["cp", "--archive", "--sparse=always", f"{source}/.", str(target)]).checked()
