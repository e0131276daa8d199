"""The disk of a virtual machine, made from a node's: its whole file tree in one file system, with a kernel's
modules, a network setup of the machine's own, and a way in by the virtio port."""

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
# Of the layer over the root image (`layer`): it makes a machine of a container.
OF_A_CONTAINER = (
    f"{HOME}/node-setup",
    "etc/systemd/system/edgeadm-sandbox.service",
    "etc/systemd/system/sysinit.target.wants/edgeadm-sandbox.service",
    "etc/systemd/system.conf.d/edgeadm-sandbox.conf",
    "etc/systemd/system/systemd-udev-trigger.service.d/edgeadm-sandbox.conf",
)
FSTAB = "/dev/vda / ext4 errors=remount-ro 0 1\n"
# A card that waits for a carrier before it has an address: the default of systemd-networkd.
NETWORKD = "[Match]\nMACAddress={mac}\n\n[Network]\nAddress={ip}/24\n{gateway}"
SYSTEMD = "/lib/systemd/system"
# Unit → the target that wants it, as `systemctl enable` links it.
ENABLED = {
    "systemd-networkd.service": "multi-user.target",
    "systemd-networkd-wait-online.service": "network-online.target",
    "apparmor.service": "sysinit.target",
}
PORT_UNIT = f"""\
[Unit]
Description=Commands from outside by the virtio port
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/bin/bash /{HOME}/port
Restart=always
KillMode=process
"""
# Opened anew for each connection: to close the port discards all that the former one left.
PORT_SCRIPT = f"""\
# Gives each connection on the virtio port to an sshd. The client's first line begins a connection.
port=/dev/virtio-ports/{vm.PORT}
pause() {{ read -r -t 0.3 <> <(:) || :; }}
serve() {{
    local line
    while read -r line; do
        [[ $line == *SSH-2.0-* ]] || continue
        {{
            printf 'SSH-2.0-%s\\n' "${{line##*SSH-2.0-}}"
            exec cat
        }} | /usr/sbin/sshd -i -f /{HOME}/sshd_config
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
    """What a machine's disk is made of: the node's directory (its disk and root are mounted), the files that
    come with the kernel, the package that nodes see, and the key that is accepted."""

    folder: Path
    kernel_files: Path
    package: Path
    key: Path


def make_disk(parts: Parts, record: SandboxRecord, node: NodeRecord) -> Path:
    """Make the machine's disk; its file. One that was interrupted is made anew."""
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
    """Make the file tree of a container that of a machine."""
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
    """Path → text of the files that a machine has and a container does not need."""
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
    """Remove the links that mask units, which no real boot has; their names."""
    units = root / "etc/systemd/system"
    masked = [path for path in units.glob("*") if path.is_symlink() and str(path.readlink()) == "/dev/null"]
    for path in masked:
        path.unlink()
    return sorted(path.name for path in masked)


def enable(root: Path, unit: str, wanted_by: str, target: str) -> None:
    """Have a unit start with another one."""
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
    """Copy all that a directory has, with owners, modes, times, attributes and holes."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        execute(["cp", "--archive", "--sparse=always", f"{source}/.", str(target)]).checked()
