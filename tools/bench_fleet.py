"""Connections to many hosts: edgeadm, pyinfra and ansible-core against sshds on loopback, in turns.

Usage: PYTHONPATH=. python tools/bench_fleet.py [--hosts 1000] [--threads 64] [--only WORD]

Each host is an address of 127.77.0.0/16 with a host key in a known_hosts file that is enforced. A row is one
scenario: seconds of the whole process, peak memory of its largest process, and hosts that answered. pyinfra
and ansible-core are installed in a temporary virtual environment; without a package index, their rows are
missing.

A scenario is a function of SCENARIOS that yields rows; it gets the farm of hosts. Scenarios of edgeadm run in
a process of their own (CHILDREN), which prints its figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench_engine import ENGINE

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.process import execute
from edgeadm.hosts.ssh import HostKeys, Login, SshDialer, Target
from tests.sshd import USER, Sshd, free_ports, keygen

# The kernel's limit of sockets that one sshd listens on: MAX_LISTEN_SOCKS of OpenSSH.
PER_SSHD = 16
# One port for all hosts, which the processes of scenarios inherit: several benchmarks may run at once.
PORT = int(os.environ.get("BENCH_PORT") or free_ports(1, "127.77.0.1")[0])
FACTS = "uname -n -m"
SELF = Path(__file__).resolve()
PEERS = ("pyinfra", "ansible-core")


@dataclass(frozen=True)
class Row:
    """One line of the table. `hosts` is the number of hosts that answered."""

    name: str
    seconds: float
    peak_mib: float
    hosts: int
    note: str = ""


@dataclass
class Farm:
    """sshds on loopback: `addresses` are the hosts, `jump` is the address of a jump host."""

    folder: Path
    hosts: int
    threads: int
    servers: list[Sshd] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        return [f"127.77.{n // 200}.{n % 200 + 1}" for n in range(self.hosts)]

    @property
    def jump(self) -> str:
        return "127.78.0.1"

    @property
    def key(self) -> Path:
        return self.folder / "keys" / "user"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def start(self, stack: ExitStack) -> None:
        """Start all sshds with one host key, so that no time is spent on keys."""
        keys = self.folder / "keys"
        keys.mkdir()
        for name in ("user", "host_ed25519"):
            keygen(keys / name)
        groups = [self.addresses[at : at + PER_SSHD] for at in range(0, self.hosts, PER_SSHD)]
        for number, group in enumerate([*groups, [self.jump]]):
            folder = self.folder / f"sshd-{number}"
            shutil.copytree(keys, folder)
            server = Sshd(folder, addresses=group, ports=(PORT,)).start()
            stack.callback(server.stop)
            self.servers.append(server)
        public = self.servers[0].public()
        lines = [f"[{address}]:{PORT} {public}\n" for address in (*self.addresses, self.jump)]
        self.known_hosts.write_text("".join(lines))

    def child(self, name: str) -> Row:
        """Run a function of CHILDREN in a process of its own."""
        spec = {
            "addresses": self.addresses,
            "jump": self.jump,
            "key": str(self.key),
            "known": str(self.known_hosts),
            "threads": self.threads,
        }
        start = time.monotonic()
        argv = [sys.executable, str(SELF), "--child", name]
        done = execute(argv, stdin=json.dumps(spec).encode())
        if done.code:
            return Row(f"edgeadm, {name}", 0, 0, 0, done.err[-1000:])
        seconds = time.monotonic() - start
        found = json.loads(done.out.splitlines()[-1])
        return Row(f"edgeadm, {name}", seconds, found["peak"], found["hosts"], found.get("note", ""))

    def program(self, name: str, answer: str, *argv: str, **env: str) -> Row:
        """Run another program; lines of its output with `answer` are hosts that answered."""
        start = time.monotonic()
        measure = [sys.executable, str(SELF), "--measure", "env", "-u", "PYTHONPATH", *argv]
        done = execute(measure, env={"PYTHONPATH": str(SELF.parent.parent), **env}, cwd=self.folder)
        seconds = time.monotonic() - start
        if done.code:
            return Row(name, 0, 0, 0, done.err[-1000:])
        peak = json.loads(done.err.splitlines()[-1])["peak"]
        text = done.out + done.err
        note = "" if answer in text else text[-300:].replace("\n", " ")
        return Row(name, seconds, peak, text.count(answer), note)


# Functions of the process of edgeadm -------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """The hosts, as the process of a scenario gets them."""

    addresses: list[str]
    jump: str
    key: str
    known: str
    threads: int

    def target(self, address: str) -> Target:
        login = Login(user=USER, key_files=(Path(self.key),), agent=False)
        return Target(address, PORT, login, HostKeys(files=(Path(self.known),)))

    def through(self, address: str) -> Target:
        return replace(self.target(address), jumps=(self.target(self.jump),))

    def all(self, work: Callable[[SshDialer, Target], bool], targets: list[Target]) -> dict[str, object]:
        """Do the work on all targets; the hosts for which it succeeded, and the first error."""
        errors: list[str] = []

        def one(target: Target) -> bool:
            try:
                return work(dialer, target)
            except EdgeadmError as error:
                errors.append(f"{error.message} {error.context}")
                return False

        with closing(SshDialer()) as dialer, ThreadPoolExecutor(self.threads) as pool:
            good = sum(pool.map(one, targets))
        return {"hosts": good, "note": errors[0] if errors else ""}


def _one_shell(dialer: SshDialer, target: Target) -> bool:
    with closing(dialer.dial(target)) as remote:
        return bool(remote.shell(FACTS).out)


def _questions(dialer: SshDialer, target: Target) -> bool:
    with closing(dialer.dial(target)) as remote, remote.host() as host:
        return all(host.ask("uname", "-n").out for _ in range(10))


def direct(spec: Spec) -> dict[str, object]:
    return spec.all(_one_shell, [spec.target(each) for each in spec.addresses])


def jumped(spec: Spec) -> dict[str, object]:
    return spec.all(_one_shell, [spec.through(each) for each in spec.addresses])


def questions(spec: Spec) -> dict[str, object]:
    return spec.all(_questions, [spec.target(each) for each in spec.addresses])


CHILDREN = {
    "connect and one shell": direct,
    "through one jump host": jumped,
    "host() with 10 commands": questions,
}

# Scenarios ---------------------------------------------------------------------------------------


def connections(farm: Farm) -> Iterator[Row]:
    for name in CHILDREN:
        yield farm.child(name)


def engine(farm: Farm) -> Iterator[Row]:
    """The engine of fleets, see bench_engine.py."""
    for name in ENGINE:
        yield farm.child(name)


def peers(farm: Farm) -> Iterator[Row]:
    """pyinfra and ansible-core, each with the same number of connections at once."""
    venv = farm.folder / "venv"
    execute([sys.executable, "-m", "venv", str(venv)]).checked()
    done = execute([str(venv / "bin/pip"), "install", "-q", "--disable-pip-version-check", *PEERS])
    if done.code:
        print(f"pyinfra and ansible-core are not available: {done.err[-300:]}", file=sys.stderr)
        return
    path = f"{venv}/bin:/usr/bin:/bin"
    yield _pyinfra(farm, venv, path)
    yield _ansible(farm, venv, path)


def _pyinfra(farm: Farm, venv: Path, path: str) -> Row:
    data = {
        "ssh_user": USER,
        "ssh_port": PORT,
        "ssh_key": str(farm.key),
        "ssh_known_hosts_file": str(farm.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": False,
    }
    hosts = [(address, data) for address in farm.addresses]
    inventory = farm.folder / "inventory.py"
    inventory.write_text(f"hosts = {hosts!r}\n")
    argv = (str(venv / "bin/pyinfra"), "-y", "--parallel", str(farm.threads), str(inventory))
    return farm.program("pyinfra, exec", "x86_64", *argv, "exec", "--", FACTS, PATH=path)


def _ansible(farm: Farm, venv: Path, path: str) -> Row:
    settings = (
        f"ansible_user={USER} ansible_port={PORT} ansible_ssh_private_key_file={farm.key} "
        f"ansible_ssh_common_args='-o UserKnownHostsFile={farm.known_hosts}'"
    )
    lines = "".join(f"{address} {settings}\n" for address in farm.addresses)
    inventory = farm.folder / "inventory.ini"
    inventory.write_text(f"[hosts]\n{lines}")
    argv = (str(venv / "bin/ansible"), "hosts", "-i", str(inventory), "-f", str(farm.threads), "-m", "raw")
    return farm.program(
        "ansible-core, raw",
        "rc=0",
        *argv,
        "-a",
        FACTS,
        PATH=path,
        ANSIBLE_PIPELINING="1",
        HOME=str(farm.folder),
    )


SCENARIOS: dict[str, Callable[[Farm], Iterator[Row]]] = {
    "connections": connections,
    "engine": engine,
    "peers": peers,
}


def _peak(who: int) -> float:
    """The peak memory in MiB of the largest process."""
    return resource.getrusage(who).ru_maxrss / 1024


def _run_child(name: str) -> None:
    spec = Spec(**json.loads(sys.stdin.read()))
    print(json.dumps((CHILDREN | ENGINE)[name](spec) | {"peak": _peak(resource.RUSAGE_SELF)}))


def _measure(argv: list[str]) -> None:
    done = execute(argv)
    print(done.out)
    print(done.err, file=sys.stderr)
    print(json.dumps({"peak": _peak(resource.RUSAGE_CHILDREN)}), file=sys.stderr)


def _show(rows: Iterator[Row]) -> None:
    """Print each row when it is measured; ratios are to the first one."""
    print(f"{'':34} {'seconds':>8} {'ratio':>6} {'peak MiB':>9} {'hosts':>6}", flush=True)
    first = 0.0
    for row in rows:
        first = first or row.seconds
        print(
            f"{row.name:34} {row.seconds:8.1f} {row.seconds / first:6.2f} {row.peak_mib:9.0f} {row.hosts:6}"
            f"  {row.note}",
            flush=True,
        )


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        _measure(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--only", default="", help="only scenarios with this word in their name")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _run_child(args.child)
        return
    os.environ["BENCH_PORT"] = str(PORT)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeadm-bench-")))
        farm = Farm(folder, args.hosts, args.threads)
        farm.start(stack)
        chosen = (scenario for name, scenario in SCENARIOS.items() if args.only in name)
        _show(row for scenario in chosen for row in scenario(farm))


if __name__ == "__main__":
    main()
