"""A node as a virtual machine: qemu gives it its own kernel, clock, memory and disk.

It remains a node of its sandbox: a tap with the node's name replaces its link in the switch, so link state,
link quality and NAT work as for containers. In the node's directory, `vm/machine.json` is the record of the
virtual machine and `vm/disk.img` its disk. Sockets are in /run: the length of their paths is limited."""

from __future__ import annotations

import json
import shlex
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeadm.sandbox import line, names, second, switch
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

FOLDER = "vm"
PROGRAM = "qemu-system-x86_64"
CACHES = ("writeback", "none")
KVM, TCG = "kvm", "tcg"
ACCELS = ("auto", KVM, TCG)
# Emulation is faster without AVX.
ACCEL_WORDS = {
    KVM: ["-accel", "kvm", "-cpu", "host"],
    TCG: ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off,svm=off,avx=off,avx2=off"],
}
# The interface is eth0 as in containers. An emulated kernel would otherwise use the slow HPET as its clock.
BOOT_WORDS = ["root=/dev/vda", "ro", "console=ttyS0", "net.ifnames=0", "mitigations=off", "loglevel=4"]
TCG_BOOT_WORDS = ["clocksource=tsc", "hpet=disable"]
PORT = "edgeadm"  # name of the virtio port in the virtual machine


@dataclass(frozen=True)
class Machine:
    """The settings of a virtual machine. `kernel` is the directory of its kernel, `accel` is kvm or tcg,
    `cache` is the cache mode of the disk, `memory` is in MiB. Each boot starts at the time `clock` (UTC;
    empty: the time of the host).
    """

    kernel: str
    accel: str = TCG
    cache: str = "writeback"
    clock: str = ""
    memory: int = 2560
    cpus: int = 2


def read(folder: Path) -> Machine | None:
    """The settings of the node with this directory; None if it is not a virtual machine."""
    try:
        return Machine(**json.loads((folder / FOLDER / "machine.json").read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None


def keep(folder: Path, machine: Machine) -> None:
    """Write the settings atomically; from then on the node is a virtual machine."""
    path = folder / FOLDER / "machine.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(machine), indent=2) + "\n")
    part.replace(path)


def disk(folder: Path) -> Path:
    """The file of the disk."""
    return folder / FOLDER / "disk.img"


def sockets(record: SandboxRecord, node: NodeRecord) -> Path:
    """The directory of the sockets."""
    return Path("/run/edgeadm-sandbox") / names.cgroup_name(record.name, node.name)


def remove_sockets(record: SandboxRecord, node: NodeRecord) -> None:
    """Delete the sockets, and the directory of all sockets if it is empty."""
    folder = sockets(record, node)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # missing, or not empty
        folder.parent.rmdir()


def monitor(record: SandboxRecord, node: NodeRecord) -> Path:
    """The socket of qemu's monitor."""
    return sockets(record, node) / "monitor"


def port(record: SandboxRecord, node: NodeRecord) -> Path:
    """The socket of the virtio port."""
    return sockets(record, node) / "port"


def cards(record: SandboxRecord, node: NodeRecord) -> list[tuple[str, str, str]]:
    """The network interfaces: id in qemu, tap in the switch, hardware address."""
    found = [("card0", node.name, names.mac(node.ip))]
    if node.second:
        ip = second.address(record, node)
        found.append(("card1", f"{node.name}-{second.LINK}", names.mac(ip)))
    return found


def write_plug(folder: Path, record: SandboxRecord, node: NodeRecord) -> Path:
    """Write the commands that create the taps and set the link quality at each boot; returns their file."""
    path, part = folder / "plug", folder / ".plug"
    bad = shlex.quote(str(folder / "line"))
    run = shlex.quote(str(sockets(record, node)))
    steps = [f"mkdir -p {run} && chmod 700 {run} || exit 72"]
    steps += [f"{shlex.join(argv)} || exit 72" for argv in plug(record, node)]
    steps.append(f"[ ! -e {bad} ] || /bin/sh {bad} || exit 74")
    part.write_text("".join(f"{each}\n" for each in steps))
    part.replace(path)
    return path


def plug(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that create the taps in the switch; the first one stays down."""
    inside = ["ip", "-n", names.switch_netns(record.name)]
    commands = [
        [*inside, "tuntap", "add", "dev", node.name, "mode", "tap"],
        [*inside, "link", "set", node.name, "master", switch.BRIDGE],
    ]
    if node.second:
        tap = f"{node.name}-{second.LINK}"
        isolated = "on" if node.second == second.UPLINK else "off"
        commands += [
            [*inside, "tuntap", "add", "dev", tap, "mode", "tap"],
            [*inside, "link", "set", tap, "master", second.BRIDGE, "up"],
            [*inside, "link", "set", tap, "type", "bridge_slave", "isolated", isolated],
        ]
    return commands


def clear(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that delete the taps and the link quality; they fail if there are none."""
    return [*line.clear_line(record, node), *switch.unplug(record, node)]


def command(folder: Path, record: SandboxRecord, node: NodeRecord, machine: Machine) -> list[str]:
    """qemu's command line. The virtual machine is paused until the command `cont` of the monitor."""
    kernel = Path(machine.kernel)
    boot = BOOT_WORDS + (TCG_BOOT_WORDS if machine.accel == TCG else [])
    # A full disk of the host is an I/O error in the virtual machine. By default, qemu would pause it instead.
    disk_words = f"file={_value(disk(folder))},if=none,id=disk,format=raw,cache={machine.cache}"
    disk_words += ",discard=unmap,werror=report"
    argv = [
        "nsenter",
        f"--net=/run/netns/{names.switch_netns(record.name)}",
        PROGRAM,
        *["-name", names.machine_name(record.name, node.name), "-nodefaults", "-no-user-config"],
        *["-machine", "q35", *ACCEL_WORDS[machine.accel]],
        *["-smp", str(machine.cpus), "-m", f"{machine.memory}M", "-display", "none", "-S"],
        *["-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"), "-append", " ".join(boot)],
        *["-drive", disk_words, "-device", "virtio-blk-pci,drive=disk"],
        *["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
        *["-chardev", f"socket,id=port,path={_value(port(record, node))},server=on,wait=off"],
        *["-device", f"virtserialport,chardev=port,name={PORT}"],
        *["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
        *["-qmp", f"unix:{_value(monitor(record, node))},server=on,wait=off"],
        *["-rtc", f"base={machine.clock or 'utc'}"],
    ]
    for card, tap, mac in cards(record, node):
        argv += ["-netdev", f"tap,id={card}-tap,ifname={tap},script=no,downscript=no"]
        argv += ["-device", f"virtio-net-pci,id={card},netdev={card}-tap,mac={mac}"]
    return argv


def _value(path: Path) -> str:
    """A path as the value of an option of qemu, in which commas are separators."""
    return str(path).replace(",", ",,")
