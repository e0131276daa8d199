"""One sshd for all tests of a worker that need no special one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from edgeadm.hosts.ssh import SshDialer
from edgeadm.hosts.ssh.remote import SshRemote
from tests.sshd import Sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), kinds=("ed25519", "ecdsa", "rsa")).start()
    yield server
    server.stop()


@pytest.fixture
def remote(sshd: Sshd) -> Iterator[SshRemote]:
    with closing(SshDialer().dial(sshd.target())) as found:
        yield found
