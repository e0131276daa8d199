"""Logins with each kind of credential."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.config.secret import Secret
from edgeadm.hosts.ssh import HostKeys, Login, SshDialer, Target, Trust
from edgeadm.hosts.ssh.errors import KeyFileError, LoginError, PassphraseError
from tests.ssh_servers import PasswordServer, listening
from tests.sshd import USER, Sshd, keygen, sign

pytestmark = pytest.mark.runs_programs

ANY = HostKeys(trust=Trust.ACCEPT_NEW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Sshd:
    """Accepts keys of each kind, and certificates of an authority."""
    folder = tmp_path_factory.mktemp("login")
    for kind in ("ecdsa", "rsa", "ed25519"):
        keygen(folder / kind, kind)
        keygen(folder / f"{kind}-locked", kind, passphrase="secret words")
    keygen(folder / "ca")
    keygen(folder / "certified")
    sign(folder / "ca", folder / "certified", "-n", USER)
    keys = [path.read_text() for path in folder.glob("*.pub") if path.name not in ("ca.pub", "certified.pub")]
    (folder / "allowed").write_text("".join(key for key in keys if "cert-v01" not in key))
    found = Sshd(folder, options=(f"TrustedUserCAKeys {folder}/ca.pub",)).start()
    yield found  # type: ignore[misc]  # a fixture
    found.stop()


def log_in(server: Sshd, login: Login) -> str:
    with closing(SshDialer().dial(replace(server.target(), login=login))) as remote:
        return remote.shell("echo in").out


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_key_files_of_each_kind(server: Sshd, kind: str) -> None:
    login = Login(user=USER, key_files=(server.folder / kind,), agent=False)
    assert log_in(server, login) == "in\n"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_encrypted_key_files(server: Sshd, kind: str) -> None:
    path = server.folder / f"{kind}-locked"
    login = Login(user=USER, key_files=(path,), agent=False)
    assert log_in(server, replace(login, passphrase=Secret("secret words"))) == "in\n"
    with pytest.raises(PassphraseError):
        log_in(server, login)
    with pytest.raises(PassphraseError, match="wrong") as caught:
        log_in(server, replace(login, passphrase=Secret("other words")))
    assert "other words" not in f"{caught.value} {caught.value.context}"


def test_a_passphrase_is_ignored_for_a_key_without_one(server: Sshd) -> None:
    login = Login(user=USER, key_files=(server.folder / "rsa",), passphrase=Secret("x"), agent=False)
    assert log_in(server, login) == "in\n"


def test_a_certificate_beside_the_key(server: Sshd) -> None:
    login = Login(user=USER, key_files=(server.folder / "certified",), agent=False)
    assert log_in(server, login) == "in\n"


def test_the_text_of_a_key(server: Sshd) -> None:
    text = Secret((server.folder / "ed25519").read_text().strip())
    assert log_in(server, Login(user=USER, key_texts=(text,), agent=False)) == "in\n"


def test_a_file_that_is_no_key(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello\n")
    for path in (tmp_path / "key", tmp_path / "none"):
        with pytest.raises(KeyFileError):
            log_in(server, Login(user=USER, key_files=(path,), agent=False))


def test_the_keys_of_an_agent(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()  # it prints its settings when it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        subprocess.run(
            ["ssh-add", "-q", server.folder / "rsa"], check=True, env=os.environ, capture_output=True
        )
        assert log_in(server, Login(user=USER)) == "in\n"
        with pytest.raises(LoginError):
            log_in(server, Login(user=USER, agent=False))
    finally:
        agent.kill()
        agent.communicate()


def test_all_credentials_are_tried(server: Sshd, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other")
    login = Login(user=USER, key_files=(other, server.folder / "ed25519"), agent=False)
    assert log_in(server, login) == "in\n"
    with pytest.raises(LoginError) as caught:
        log_in(server, Login(user=USER, key_files=(other,), password=Secret("canary"), agent=False))
    assert str(other) in caught.value.context
    assert "canary" not in f"{caught.value} {caught.value.context} {caught.value!r}"


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_a_password(method: str) -> None:
    server = PasswordServer(method=method)
    with listening(server) as port:
        login = Login(user="ops", password=Secret("pa55"), agent=False)
        target = Target("127.0.0.1", port, login, ANY, connect=10)
        SshDialer().dial(target).close()
        with pytest.raises(LoginError):
            SshDialer().dial(replace(target, login=replace(login, password=Secret("other"))))
    assert method in server.seen
