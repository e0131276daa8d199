"""One node: power, commands, files, network link."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeadm.clock import CLOCK
from edgeadm.config.kubeadm_defaults import ADMIN_CONF
from edgeadm.hosts.base import Result
from edgeadm.hosts.process import attach, execute, spawn
from edgeadm.sandbox import boot, cgroups, disk, emulator, line, names, port, switch, transfer, vm
from edgeadm.sandbox.errors import NodeBootError, NodeOffError, NodeSilentError
from edgeadm.sandbox.line import GOOD, Line
from edgeadm.sandbox.state import NodeRecord, SandboxRecord, Store

PATIENCE = 120.0  # seconds for a boot or a shutdown; much more than either takes
VM_PATIENCE = 1800.0  # seconds for a virtual machine, which may be emulated on a busy host
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}
API_MANIFEST = "etc/kubernetes/manifests/kube-apiserver.yaml"
API_READY = ["kubectl", "--kubeconfig", ADMIN_CONF, "get", "--raw", "/readyz"]
READY = (
    "exec 3<>/dev/tcp/127.0.0.1/22 || exit 1; "
    "case $(systemctl is-system-running) in running | degraded) ;; *) exit 1 ;; esac"
)
READY_WORDS = ("bash", "-c", READY)


@dataclass(frozen=True)
class Status:
    """A node as `edgeadm sandbox ls` shows it; `vm` is kvm, tcg, or empty for a container."""

    name: str
    ip: str
    role: str
    state: str
    link: str
    line: str
    nat: str
    ready: bool
    vm: str = ""


@dataclass(frozen=True)
class Node:
    """A node of a sandbox. It holds no state: every property is read from the host."""

    store: Store
    sandbox: SandboxRecord
    record: NodeRecord

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def ip(self) -> str:
        return self.record.ip

    @property
    def role(self) -> str:
        return self.record.role

    @property
    def folder(self) -> Path:
        """The node's directory."""
        return self.store.node_folder(self.sandbox.name, self.name)

    @property
    def root(self) -> Path:
        """The node's file tree, seen from outside; /var/lib/containerd and /var/lib/kubelet are in `disk`."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """The log of the node's console."""
        return self.folder / "console.log"

    @property
    def runner(self) -> boot.Runner:
        return boot.Runner(self.folder / "run")

    @property
    def machine(self) -> vm.Machine | None:
        """The settings of the virtual machine; None for a container."""
        return vm.read(self.folder)

    @property
    def port(self) -> port.Port:
        """The connection for commands in a virtual machine."""
        key = self.store.folder(self.sandbox.name) / "ssh/id_ed25519"
        return port.Port(vm.sockets(self.sandbox, self.record), key)

    @property
    def cable_is_down(self) -> bool:
        return (self.folder / "cable-down").exists()

    @property
    def lacks_address(self) -> bool:
        """Whether its interface loses addresses and routes with the link."""
        return (self.folder / "no-address").exists()

    @property
    def is_natted(self) -> bool:
        return (self.folder / "nat-on").exists()

    def is_on(self) -> bool:
        """Whether it is powered on; it may be booting."""
        return self.runner.pid() is not None

    def is_ready(self) -> bool:
        """Whether its init has finished starting and sshd responds."""
        return self._succeeds(READY_WORDS)

    def has_api_server(self) -> bool:
        """Whether kubelet runs an API server on it, once it is on."""
        return (self.root / API_MANIFEST).exists()

    def serves_api(self) -> bool:
        """Whether its API server is ready."""
        return self._succeeds(API_READY)

    def status(self) -> Status:
        on = self.is_on()
        return Status(
            self.name,
            self.ip,
            self.role,
            "running" if on else "off",
            self._link(),
            str(line.read_line(self.folder)),
            "on" if self.is_natted else "off",
            on and self.is_ready(),
            self.machine.accel if self.machine else "",
        )

    def exec(
        self, argv: Sequence[str], *, check: bool = True, stdin: bytes = b"", timeout: float | None = None
    ) -> Result:
        """Run a command in the node, independent of its network. Raises NodeOffError; CommandError with
        `check`."""
        result = execute(self.command(argv), stdin=stdin, timeout=timeout)
        result = Result(tuple(argv), result.code, result.out, result.err)
        return result.checked() if check else result

    def attach(self, argv: Sequence[str]) -> int:
        """Run a command in the node with our own stdin, stdout and stderr; returns its exit status."""
        return attach(self.command(argv, self.session(), terminal=port.has_terminal()))

    def session(self) -> dict[str, str]:
        """The variables of a user's command: the terminal, and the kubeconfig of a control plane."""
        found = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
        if (self.root / ADMIN_CONF.lstrip("/")).is_file():
            found["KUBECONFIG"] = ADMIN_CONF
        return found

    def command(
        self, argv: Sequence[str], env: dict[str, str] | None = None, *, terminal: bool = False
    ) -> list[str]:
        """The command on this host that runs a command in the node. Raises NodeOffError, and
        NodeSilentError if a virtual machine does not respond within a minute."""
        if self.machine is not None and self.is_on():
            if not self.port.open(60):
                raise NodeSilentError(
                    f"node `{self.name}` of sandbox `{self.sandbox.name}` does not respond yet",
                    hint=f"an emulated virtual machine takes minutes to boot; its console: {self.console}",
                )
            return self.port.command(_clean(argv, env), terminal=terminal)
        pid = self._inside()
        if pid is None:
            raise NodeOffError(
                f"node `{self.name}` of sandbox `{self.sandbox.name}` is off",
                hint=f"power it on: edgeadm sandbox power {self.name} on --name {self.sandbox.name}",
            )
        return self._command(pid, argv, ENVIRONMENT | (env or {}))

    def read(self, path: str) -> bytes:
        """Read a file of the node. Raises CommandError if it does not exist."""
        with tempfile.NamedTemporaryFile() as copy:
            self.fetch(path, Path(copy.name))
            return Path(copy.name).read_bytes()

    def write(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """Write a file in the node atomically; creates its directory."""
        with tempfile.NamedTemporaryFile() as copy:
            Path(copy.name).write_bytes(data.encode() if isinstance(data, str) else data)
            Path(copy.name).chmod(mode)
            self.send(Path(copy.name), path)

    def send(self, source: Path, path: str) -> None:
        """Copy a file or directory of this host to a path in the node, or into an existing directory."""
        transfer.send(self.command, source, path)

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file of the node to this host."""
        transfer.fetch(self.command, path, target)

    def prepare(self, lower: list[Path], files: dict[str, str]) -> None:
        """Create its disk and root, and add the `files` that do not exist there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        root = disk.attach(self.folder, lower)
        own = {"etc/machine-id": uuid.uuid4().hex + "\n", "etc/hostname": f"{self.name}\n"}
        for path, text in (own | files).items():
            target = root / path
            if not target.exists() or not target.stat().st_size:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                target.write_text(text)

    def power_on(self, package: Path) -> None:
        """Boot it without waiting; does nothing if it is on."""
        if self.is_on():
            return
        cgroups.kill_all(self._cgroups())  # leftovers of a killed runner
        machine = self.machine
        if machine is None:
            runner = boot.write_script(self.folder, self.sandbox, self.record, package)
            runner.remember(spawn(runner.argv, self.console))
            return
        shutil.rmtree(self.port.folder, ignore_errors=True)
        runner = boot.write_machine_script(self.folder, self.sandbox, self.record, machine)
        runner.remember(spawn(runner.argv, self.console))
        emulator.let_run(self.sandbox, self.record, up=not self.cable_is_down)

    def wait_ready(self, patience: float | None = None) -> None:
        """Wait until it is ready, for up to `patience` seconds (None: two minutes; for a virtual machine half
        an hour). Raises NodeBootError with the end of its console."""
        ready = False

        def is_decided() -> bool:
            nonlocal ready
            ready = self.is_ready()
            return ready or not self.is_on()

        CLOCK.poll(is_decided, patience or self._patience, 0.1)
        if not ready:
            lines = self.console.read_text(errors="replace").splitlines() if self.console.exists() else []
            what = "is not ready" if self.is_on() else "powered off during boot"
            raise NodeBootError(
                f"node `{self.name}` {what}",
                context="\n".join(lines[-15:]),
                hint=f"its console: {self.console}",
            )

    def power_off(self) -> None:
        """Shut it down as with its power button, and wait; after two minutes (half an hour for a virtual
        machine) it is powered off."""
        pid = self._inside()
        if self.machine is not None and self.is_on():
            emulator.press_button(self.sandbox, self.record)
        elif pid is not None:
            os.kill(pid, signal.SIGRTMIN + 4)
        if self.machine is not None or pid is not None:
            CLOCK.poll(lambda: not self.is_on(), self._patience, 0.05)
        self.power_cut()

    def power_cut(self) -> None:
        """Kill all its processes, and delete its network and cgroups; the disk is kept."""
        runner = self.runner.pid()
        if runner is not None:
            os.kill(runner, signal.SIGKILL)
        folders = self._cgroups()
        cgroups.kill_all(folders)
        cgroups.remove(folders)
        gone = vm.clear(self.sandbox, self.record)
        for argv in gone if self.machine else gone[: len(line.clear_line(self.sandbox, self.record)) + 1]:
            execute(argv)
        vm.remove_sockets(self.sandbox, self.record)
        switch.remove_netns(names.node_netns(self.sandbox.name, self.name))
        machine = names.machine_name(self.sandbox.name, self.name)
        for parent in ("propagate", "unix-export"):
            place = Path("/run/systemd/nspawn") / parent / machine
            if place.is_dir():
                execute(["umount", "--lazy", "--quiet", str(place)])
                place.rmdir()
        (self.folder / ".#root.lck").unlink(missing_ok=True)
        self.runner.forget()

    def link(self, up: bool, *, address: bool = True) -> None:
        """Set its link up or down; kept over power cycles.

        Without the link, its interface has no carrier. Without `address` it also loses all addresses and
        routes, now and at each boot, until the link is up again: as with DHCP, systemd-networkd and
        NetworkManager. Setting the link up resets its quality (see `hold_up`).
        """
        lost = not up and not address
        returns = self.lacks_address and not lost
        if up:
            self.hold_up(GOOD)
        _flag(self.folder / "cable-down", not up)
        _flag(self.folder / "no-address", lost)
        if not self.is_on():
            return
        execute(switch.cable(self.sandbox, self.name, up)).checked()
        if self.machine is not None:
            emulator.set_link(self.sandbox, self.record, up=up)
        elif lost or returns:
            change = switch.take_address if lost else switch.give_address
            for argv in change(self.sandbox, self.record):
                execute(argv).checked()

    def hold_up(self, wanted: Line) -> None:
        """Set delay, loss and rate of its link in both directions; kept over power cycles.

        Raises SandboxKernelError and changes nothing if a delay is requested and the kernel has no netem.
        """
        netem = not wanted.is_good and line.has_netem(self.sandbox)
        commands = line.set_line(self.sandbox, self.record, wanted, netem=netem)
        was_good = line.read_line(self.folder).is_good
        line.keep_line(self.folder, wanted, commands)
        if not self.is_on():
            return
        for argv in () if was_good else line.clear_line(self.sandbox, self.record):
            execute(argv)
        for argv in commands:
            execute(argv).checked()

    def nat(self, on: bool) -> None:
        """Put it behind NAT: it can open connections, but accepts none; kept over power cycles."""
        _flag(self.folder / "nat-on", on)
        switch.set_nat(self.sandbox, self.record, on)

    @property
    def _patience(self) -> float:
        return PATIENCE if self.machine is None else VM_PATIENCE

    def _link(self) -> str:
        if self.lacks_address:
            return "down, no address"
        return "down" if self.cable_is_down else "up"

    def _cgroups(self) -> list[Path]:
        wanted = boot.cgroups_name(self.sandbox, self.record)
        return cgroups.left_behind(lambda name: name == wanted, cgroups.this_machine())

    def _payload(self) -> list[Path]:
        """The cgroups for a command in the node. With version 2, only leaf cgroups may contain processes."""
        places = [p / "payload" if (p / "payload").is_dir() else p for p in self._cgroups()]
        if cgroups.is_version_2(cgroups.this_machine()):
            places = [place / "edgeadm-exec" for place in places]
            for place in places:
                place.mkdir(exist_ok=True)
        return places

    def _inside(self) -> int | None:
        """The process of its init on this host."""
        return boot.leader(self._cgroups())

    def _succeeds(self, argv: Sequence[str]) -> bool:
        """Whether the command succeeds in the node, which may be off or booting."""
        if self.machine is not None:
            return self.is_on() and self.port.open(10) and _ends_well(self.port.command(_clean(argv)))
        pid = self._inside()
        return pid is not None and _ends_well(self._command(pid, argv, ENVIRONMENT))

    def _command(self, pid: int, argv: Sequence[str], env: dict[str, str]) -> list[str]:
        joined = [str(place / "cgroup.procs") for place in self._payload()]
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        enter = ["nsenter", "--target", str(pid), *spaces, "--", *_clean(argv, env)]
        return ["/bin/sh", "-c", boot.ENTER, "sh", *joined, "--", *enter]


def _ends_well(argv: Sequence[str]) -> bool:
    return execute(argv, timeout=20).code == 0


def _clean(argv: Sequence[str], env: dict[str, str] | None = None) -> list[str]:
    """The command with the environment that all commands in a node have."""
    words = [f"{key}={value}" for key, value in (ENVIRONMENT | (env or {})).items()]
    return ["env", "--ignore-environment", "--chdir=/root", *words, *argv]


def _flag(path: Path, wanted: bool) -> None:
    path.touch() if wanted else path.unlink(missing_ok=True)
