"""A real sshd on a loopback port, with its own keys, configuration and programs, for tests and benchmarks."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeadm.hosts.ssh.target import HostKeys, Login, Target

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USER = getpass.getuser()


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "", comment: str = "test") -> Path:
    """A private key, with its public key beside it."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", comment, "-f", path],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


def sign(ca: Path, key: Path, *options: str) -> Path:
    """A certificate for the key, beside it."""
    subprocess.run(["ssh-keygen", "-q", "-s", ca, "-I", "test", *options, f"{key}.pub"], check=True)
    return key.with_name(f"{key.name}-cert.pub")


def free_ports(number: int, address: str = "127.0.0.1") -> list[int]:
    """Ports on which nothing listens."""
    held = []
    try:
        for _ in range(number):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            held.append(sock)
            sock.bind((address, 0))
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


@dataclass
class Sshd:
    """`folder` contains everything. The user that runs the tests may log in with `key`."""

    folder: Path
    addresses: Sequence[str] = ("127.0.0.1",)
    ports: Sequence[int] = ()
    kinds: Sequence[str] = ("ed25519",)
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def key(self) -> Path:
        return self.folder / "user"

    @property
    def bin(self) -> Path:
        """Programs that come first in the PATH of commands."""
        return self.folder / "bin"

    def host_key(self, kind: str = "ed25519") -> Path:
        return self.folder / f"host_{kind}"

    def public(self, kind: str = "ed25519") -> str:
        """The public host key: type and base64."""
        return " ".join((self.folder / f"host_{kind}.pub").read_text().split()[:2])

    @property
    def port(self) -> int:
        return self.ports[0]

    def start(self) -> Sshd:
        """Write the files that are missing, and start it."""
        for name in ("bin", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not self.key.exists():
            keygen(self.key)
        for kind in self.kinds:
            if not self.host_key(kind).exists():
                keygen(self.host_key(kind), kind)
        allowed = self.folder / "allowed"
        if not allowed.exists():
            allowed.write_text(self.key.with_suffix(".pub").read_text())
        self.ports = self.ports or free_ports(1, self.addresses[0])
        self._write()
        if USER == "root":
            Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", self.folder / "config"], stderr=subprocess.PIPE
        )
        said = b""
        while b"Server listening" not in said:  # the last line before it accepts connections
            line = self.process.stderr.readline() if self.process.stderr else b""
            if not line:
                raise AssertionError(f"sshd did not start: {said.decode()}")
            said += line
        return self

    def _write(self) -> None:
        where = [
            f"ListenAddress {f'[{address}]' if ':' in address else address}:{port}"
            for address in self.addresses
            for port in self.ports
        ]
        lines = [
            *self.options,
            *where,
            *(f"HostKey {self.host_key(kind)}" for kind in self.kinds),
            f"PidFile {self.folder}/pid",
            f"AuthorizedKeysFile {self.folder}/allowed",
            f"SetEnv HOME={self.folder}/home PATH={self.bin}:{PATH}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin yes",
            "MaxStartups 1000",
            "MaxSessions 100",
            "UseDNS no",
            "LogLevel ERROR",
            "PrintMotd no",
        ]
        lines[lines.index("LogLevel ERROR")] = "LogLevel INFO"
        (self.folder / "config").write_text("\n".join(lines) + "\n")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            if self.process.stderr:
                self.process.stderr.close()
            self.process = None

    def target(self, **changes: object) -> Target:
        """A target that reaches it, with the key pinned."""
        values: dict[str, object] = {
            "address": self.addresses[0],
            "port": self.port,
            "login": Login(user=USER, key_files=(self.key,), agent=False),
            "host_keys": HostKeys(pinned=(self.public(self.kinds[0]),)),
            "connect": 60.0,
        }
        return Target(**(values | changes))  # type: ignore[arg-type]  # the names are those of Target
