"""Debian's kernels for virtual machines: downloaded once per release, cached with the root images."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeadm.hosts.debian import parse_os_release
from edgeadm.hosts.process import execute
from edgeadm.sandbox import image, initrd, vm
from edgeadm.sandbox.archive import Archive, unpack
from edgeadm.sandbox.errors import VmAccelError, VmKernelError

Say = Callable[[str], None]
FLAVOURS = {"cloud": "linux-image-cloud-amd64", "generic": "linux-image-amd64"}
CONCRETE = r"linux-image-\d[\w.+-]*"
# Debian's installer adds it to a kernel (Recommends). Without it, no AppArmor profile can be loaded.
WITH_IT = ("apparmor",)
PROBE_SECONDS = 20.0
MODULES = "usr/lib/modules"
REVISION = 1


@dataclass(frozen=True)
class Kernel:
    """The directory of a kernel: `vmlinuz`, `initrd`, and `tree` with files for virtual machines' roots."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def version(self) -> str:
        """Its version, for example 6.1.0-41-cloud-amd64."""
        return next((self.tree / MODULES).iterdir()).name


def suite_of(root: Path) -> str:
    """The Debian release of a root image. Raises VmKernelError for other distributions and architectures."""
    known = parse_os_release((root / "etc/os-release").read_text())
    if known.get("ID") != "debian" or platform.machine() != "x86_64":
        raise VmKernelError(
            f"there is no kernel for {known.get('PRETTY_NAME', 'this system')} on {platform.machine()}",
            hint="virtual machines require a node with Debian on x86-64",
        )
    return known["VERSION_CODENAME"]


def kernel(images: Path, suite: str, flavour: str, say: Say) -> Kernel:
    """The kernel of a release (`flavour`: cloud or generic), downloaded if it is not cached.

    Raises VmKernelError.
    """
    found = Kernel(images / f"kernel-{suite}-{flavour}-{REVISION}")
    if found.folder.is_dir():
        return found
    images.mkdir(parents=True, exist_ok=True)
    with image.only_builder(images / f".{found.folder.name}.lock", say):
        if not found.folder.is_dir():
            say(f"downloading Debian's kernel for {suite} (once)")
            part = found.folder.with_name(f".{found.folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            _make(
                part, Archive(image.other_suite(image.host_source(), suite), part / "apt"), FLAVOURS[flavour]
            )
            part.rename(found.folder)
            say(f"kernel ready: {found.version}")
    return found


def accel_of(wanted: str, kernel: Kernel) -> str:
    """kvm or tcg: `auto` is KVM if this kernel boots with it. Raises VmAccelError if KVM was requested and
    the kernel does not boot with it."""
    if wanted == vm.TCG or (wanted == "auto" and not Path("/dev/kvm").exists()):
        return vm.TCG
    if boots_by_kvm(kernel):
        return vm.KVM
    if wanted == "auto":
        return vm.TCG
    raise VmAccelError(
        "Debian's kernel does not boot with KVM on this host",
        hint="use `--accel auto`: emulation is about 12 times slower",
    )


def boots_by_kvm(kernel: Kernel) -> bool:
    """Whether the kernel starts its first program with KVM within 20 seconds; tested once per boot of the
    host. The existence of /dev/kvm is not enough: a paravirtual KVM does not run stock kernels."""
    boot, known = Path("/proc/sys/kernel/random/boot_id").read_text().strip(), kernel.folder / "kvm"
    told = known.read_text().split() if known.exists() else []
    if len(told) == 2 and told[0] == boot:
        return told[1] == "yes"
    found = initrd.RUNS in execute(probe(kernel), timeout=PROBE_SECONDS).out
    known.write_text(f"{boot} {'yes' if found else 'no'}\n")
    return found


def probe(kernel: Kernel) -> list[str]:
    """The command that boots the kernel until its first program, which prints RUNS on stdout."""
    files = ["-kernel", str(kernel.folder / "vmlinuz"), "-initrd", str(kernel.folder / "initrd")]
    words = ["-nodefaults", "-no-user-config", "-machine", "q35", *vm.ACCEL_WORDS[vm.KVM], "-m", "512M"]
    words += ["-display", "none", "-no-reboot", "-serial", "stdio"]
    return [vm.PROGRAM, *words, *files, "-append", f"console=ttyS0 panic=-1 {initrd.PROBE}"]


def _make(part: Path, archive: Archive, package: str) -> None:
    archive.update()
    concrete = archive.needed_by(package, CONCRETE)
    linux, busybox, *others = archive.download(concrete, "busybox-static", *WITH_IT)
    tree, tools = part / "tree", part / "tools"
    for deb in (linux, *others):
        unpack(deb, tree)
    unpack(busybox, tools)
    for folder in (tree, tools):
        merge_usr(folder)
    made = Kernel(part)
    execute(["depmod", "--basedir", str(tree / "usr"), made.version]).checked()
    (tree / f"boot/vmlinuz-{made.version}").rename(part / "vmlinuz")
    initrd.build(tree / MODULES / made.version, tools / "usr/bin/busybox", part / "initrd")
    for done in (tree / "boot", tree / "usr/share/doc", tree / "usr/share/man", tools, archive.folder):
        shutil.rmtree(done, ignore_errors=True)


def merge_usr(folder: Path) -> None:
    """Move /bin, /sbin and /lib into /usr, where all nodes have them: older packages do not."""
    for name in ("bin", "sbin", "lib"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, folder / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(folder / name)
