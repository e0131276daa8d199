"""The preflight checks through a real sshd: one shell, and the findings that the machine itself has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeadm.config import Config, JoinFlags
from edgeadm.fleet.model import Role
from edgeadm.fleet.preflight import findings
from edgeadm.hosts import LocalHost
from edgeadm.hosts.rounds import Prefetching
from edgeadm.hosts.ssh.dialer import SshDialer
from edgeadm.hosts.ssh.target import Login, Sudo
from tests import crowds
from tests.packed import make_package
from tests.sshd import USER, Sshd

pytestmark = pytest.mark.runs_programs
CONFIG = Config(join=JoinFlags(api_server_endpoint="127.0.0.1:6443"))


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "sshd").start()
    yield server
    server.stop()


@pytest.mark.parametrize("role", [Role.EDGE, Role.WORKER])
def test_the_findings_are_those_of_the_machine(role: Role, sshd: Sshd, tmp_path: Path) -> None:
    package = make_package(tmp_path / "package", role.value)
    login = Login(user=USER, key_files=(sshd.key,), agent=False, sudo=Sudo.NEVER)
    remote = SshDialer().dial(sshd.target(login=login))
    machine = crowds.machine(1, role=role)
    try:
        with remote.host() as host:
            assert isinstance(host, Prefetching)
            far = findings(host, machine, CONFIG, package, crowds.facts(1))
        assert remote.traffic.shells == 1
    finally:
        remote.close()
    assert far == findings(LocalHost(), machine, CONFIG, package, crowds.facts(1))
