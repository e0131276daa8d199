"""The second layer of every node: edgeadm's own executable, and the unit that sets up the node as a host."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from edgeadm.sandbox.image import remove_tree

UNIT = """\
[Unit]
Description=Set up this container as a host
DefaultDependencies=no
Before=sysinit.target systemd-sysctl.service systemd-tmpfiles-setup.service ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/edgeadm-sandbox/node-setup
"""

# Units of a node that differ from those of a host, each with the reason. No unit is masked.
# docs/guides/sandbox.md contains the same list.
CHANGED_UNITS = {
    "systemd-udev-trigger.service": (
        "replays only the events of the node's own network interfaces: all other devices belong to the host"
    ),
}
# udev announces an interface to network daemons only after its event, and the interfaces exist before udev
# starts. udev's sockets, which would queue the events, start only if /sys is writable, which is later in a
# node.
UDEV_TRIGGER = """\
[Unit]
After=edgeadm-sandbox.service systemd-udevd.service

[Service]
ExecStart=
ExecStart=udevadm trigger --type=devices --action=add --subsystem-match=net
"""

# Containers that ignore SIGTERM would delay each shutdown by systemd's default of 90 seconds.
MANAGER = "[Manager]\nDefaultTimeoutStopSec=20s\n"

# Version 1 hierarchies are read-only except for systemd's own; in their cgroup namespace they belong to the
# node. Leftovers of Pods from before a reboot would keep the next kubelet busy for minutes.
NODE_SETUP = """\
#!/bin/sh
mount -o remount,rw /proc/sys
mount -o remount,rw /sys
mount -o remount,rw /sys/fs/cgroup 2>/dev/null
for hierarchy in /sys/fs/cgroup/*; do
    [ ! -L "$hierarchy" ] && mountpoint -q "$hierarchy" || continue
    case ${hierarchy##*/} in
    systemd | unified) mount -o remount,rw "$hierarchy" 2>/dev/null ;;
    *) umount "$hierarchy" && mount -t cgroup -o "${hierarchy##*/}" cgroup "$hierarchy" ;;
    esac
done
mount --make-rshared /
for kind in ed25519 ecdsa; do
    key=/etc/ssh/ssh_host_${kind}_key
    [ -s "$key" ] || ssh-keygen -q -N '' -t "$kind" -f "$key"
done
exit 0
"""


def make_layer(layers: Path, tree: Path | None, say: Callable[[str], None]) -> Path:
    """The layer with this executable tree (none: without edgeadm); creates it if it does not exist."""
    layer = layers / _key(tree)
    if layer.is_dir():
        return layer
    layers.mkdir(parents=True, exist_ok=True)
    part = layers / f".{layer.name}.{os.getpid()}.part"
    remove_tree(part)
    _write(part / "usr/local/lib/edgeadm-sandbox/node-setup", NODE_SETUP, 0o755)
    _write(part / "etc/systemd/system/edgeadm-sandbox.service", UNIT, 0o644)
    _write(part / "etc/systemd/system.conf.d/edgeadm-sandbox.conf", MANAGER, 0o644)
    drop_in = part / "etc/systemd/system/systemd-udev-trigger.service.d/edgeadm-sandbox.conf"
    _write(drop_in, UDEV_TRIGGER, 0o644)
    wants = part / "etc/systemd/system/sysinit.target.wants/edgeadm-sandbox.service"
    wants.parent.mkdir(parents=True)
    wants.symlink_to("../edgeadm-sandbox.service")
    if tree is not None:
        say(f"edgeadm's own executable for the nodes: {tree}")
        _bring(tree, part)
    if not layer.is_dir():
        part.rename(layer)
    remove_tree(part)
    return layer


def show_package(folder: Path, package: Path | None) -> None:
    """Make this package the only content of `folder`, which nodes mount at /mnt/package (none: no change)."""
    folder.mkdir(parents=True, exist_ok=True)
    if package is None:
        return
    for old in folder.iterdir():
        if old.name != package.name:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    shown = folder / package.name
    if shown.exists() and (package.is_dir() or shown.samefile(package) or _same(shown, package)):
        return
    if package.is_dir():
        shutil.copytree(package, shown, copy_function=link_or_copy, symlinks=True)
    else:
        part = folder / f".{package.name}.part"
        part.unlink(missing_ok=True)
        link_or_copy(str(package), str(part))
        part.replace(shown)


def _bring(tree: Path, layer: Path) -> None:
    home = layer / "opt/edgeadm"
    home.parent.mkdir(parents=True)
    if tree.is_dir():
        shutil.copytree(tree, home, copy_function=link_or_copy, symlinks=True)
    else:
        home.mkdir()
        link_or_copy(str(tree), str(home / "edgeadm"))
    link = layer / "usr/local/bin/edgeadm"
    link.parent.mkdir(parents=True)
    link.symlink_to("/opt/edgeadm/edgeadm")


def _key(tree: Path | None) -> str:
    """A hash that is equal for equal names, sizes and modification times."""
    known = hashlib.sha256((UNIT + NODE_SETUP + MANAGER + UDEV_TRIGGER).encode())
    if tree is not None:
        for path in [tree, *sorted(tree.rglob("*"))] if tree.is_dir() else [tree]:
            found = path.lstat()
            known.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return known.hexdigest()[:12]


def _same(one: Path, other: Path) -> bool:
    a, b = one.stat(), other.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


def link_or_copy(source: str, target: str) -> str:
    """Create a hard link on the same file system, else a copy."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
