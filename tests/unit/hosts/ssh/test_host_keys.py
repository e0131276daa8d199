"""Host keys: known, new, changed, certified, revoked."""

from __future__ import annotations

import base64
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.hosts.ssh import HostKeys, SshDialer, Target, Trust
from edgeadm.hosts.ssh.certificate import check_certificate
from edgeadm.hosts.ssh.errors import (
    HostCertificateError,
    HostKeyChangedError,
    HostKeyFileError,
    HostKeyRevokedError,
    HostKeyUnknownError,
)
from edgeadm.hosts.ssh.host_keys import Verifier
from edgeadm.hosts.ssh.known_hosts import fingerprint, matches, parse_key
from edgeadm.hosts.ssh.learned import Files
from tests.sshd import Sshd, keygen, sign

pytestmark = pytest.mark.runs_programs


def connects(sshd: Sshd, keys: HostKeys) -> bool:
    with closing(SshDialer().dial(replace(sshd.target(), host_keys=keys))) as remote:
        return remote.shell("true").code == 0


def known(path: Path, *lines: str) -> HostKeys:
    path.write_text("".join(f"{line}\n" for line in lines))
    return HostKeys(files=(path,))


def fake_key(name: bytes, kind: bytes = b"ssh-ed25519") -> str:
    """The text of a public key that no host has."""
    blob = len(kind).to_bytes(4, "big") + kind + len(name).to_bytes(4, "big") + name
    return f"{kind.decode()} {base64.b64encode(blob).decode()}"


def test_known_names_of_each_form(sshd: Sshd, tmp_path: Path) -> None:
    name, key = f"[127.0.0.1]:{sshd.port}", sshd.public()
    path = tmp_path / "known"
    for line in (
        f"{name} {key}",
        f"other,{name} {key} a comment",
        f"[127.0.0.*]:{sshd.port} {key}",
        f"127.0.0.1 {key}",
    ):
        assert connects(sshd, known(path, "# comment", "", "broken line", line))
    path.write_text(f"{name} {key}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)
    assert name not in path.read_text()
    assert connects(sshd, HostKeys(files=(path,)))
    with pytest.raises(HostKeyUnknownError) as caught:
        connects(sshd, known(path, f"[127.0.0.1]:1 {key}", f"!{name},!127.0.0.1,* {key}"))
    assert fingerprint(parse_key(key)) in caught.value.context


def test_a_missing_file_knows_nothing(sshd: Sshd, tmp_path: Path) -> None:
    with pytest.raises(HostKeyUnknownError):
        connects(sshd, HostKeys(files=(tmp_path / "none",)))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_type_that_is_known_is_negotiated(sshd: Sshd, kind: str, tmp_path: Path) -> None:
    assert connects(sshd, known(tmp_path / "known", f"[127.0.0.1]:{sshd.port} {sshd.public(kind)}"))
    assert connects(sshd, HostKeys(pinned=(sshd.public(kind),)))
    assert connects(sshd, HostKeys(pinned=(fingerprint(parse_key(sshd.public(kind))),)))


def test_a_pinned_key_is_the_only_one(sshd: Sshd, tmp_path: Path) -> None:
    other = fake_key(b"other")
    files = known(tmp_path / "known", f"[127.0.0.1]:{sshd.port} {sshd.public()}").files
    for pin in (other, fingerprint(parse_key(other))):
        with pytest.raises(HostKeyChangedError) as caught:
            connects(sshd, HostKeys(pinned=(pin,), files=files, trust=Trust.ACCEPT_NEW, reinstalled=True))
        assert fingerprint(parse_key(other)) in caught.value.context
    with pytest.raises(HostKeyFileError):
        connects(sshd, HostKeys(pinned=("hello",)))


def test_a_changed_key_is_rejected_with_both_fingerprints(sshd: Sshd, tmp_path: Path) -> None:
    before = fake_key(b"before")
    keys = known(tmp_path / "known", f"[127.0.0.1]:{sshd.port} {before}")
    with pytest.raises(HostKeyChangedError) as caught:
        connects(sshd, replace(keys, trust=Trust.ACCEPT_NEW, learned=tmp_path / "learned"))
    assert fingerprint(parse_key(before)) in caught.value.context
    assert fingerprint(parse_key(sshd.public())) in caught.value.context


def test_a_new_key_is_learned_and_a_changed_one_is_not(tmp_path: Path) -> None:
    learned = tmp_path / "keys" / "known"
    target = Target("node-1", host_keys=HostKeys(trust=Trust.ACCEPT_NEW, learned=learned))
    first, second, third = (parse_key(fake_key(name)) for name in (b"1", b"2", b"3"))
    Verifier(target, Files()).verify(first)
    assert stat.S_IMODE(learned.stat().st_mode) == 0o600
    Verifier(target, Files()).verify(first)
    with pytest.raises(HostKeyChangedError):
        Verifier(target, Files()).verify(second)
    again = replace(target, host_keys=replace(target.host_keys, reinstalled=True))
    files = Files()
    Verifier(again, files).verify(second)
    assert learned.read_text().count("node-1 ") == 1
    Verifier(again, files).verify(second)
    with pytest.raises(HostKeyChangedError):  # once
        Verifier(again, files).verify(third)
    with pytest.raises(HostKeyChangedError):
        Verifier(target, Files()).verify(first)


def test_a_replaced_key_wins_over_the_files_of_the_user(tmp_path: Path) -> None:
    before, after = fake_key(b"before"), fake_key(b"after")
    host_keys = replace(known(tmp_path / "user", f"node-1 {before}"), learned=tmp_path / "learned")
    target = Target("node-1", host_keys=replace(host_keys, reinstalled=True))
    Verifier(target, Files()).verify(parse_key(after))
    later = Verifier(replace(target, host_keys=host_keys), Files())
    later.verify(parse_key(after))
    with pytest.raises(HostKeyChangedError):
        later.verify(parse_key(before))
    assert before in (tmp_path / "user").read_text()


def test_many_threads_learn_at_once(tmp_path: Path) -> None:
    learned, files = tmp_path / "known", Files()
    host_keys = HostKeys(trust=Trust.ACCEPT_NEW, learned=learned)

    def learn(number: int) -> None:
        Verifier(Target(f"node-{number}", host_keys=host_keys), files).verify(
            parse_key(fake_key(b"%d" % number))
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(learn, range(200)))
    lines = learned.read_text().splitlines()
    assert sorted(lines) == sorted(f"node-{n} {fake_key(b'%d' % n)}" for n in range(200))


def test_without_a_file_a_key_is_learned_for_this_run() -> None:
    files = Files()
    verifier = Verifier(Target("node-1", host_keys=HostKeys(trust=Trust.ACCEPT_NEW)), files)
    verifier.verify(parse_key(fake_key(b"1")))
    with pytest.raises(HostKeyChangedError):
        verifier.verify(parse_key(fake_key(b"2")))


def test_an_alias_is_the_name_in_the_files(tmp_path: Path) -> None:
    keys = replace(known(tmp_path / "known", f"web {fake_key(b'1')}"), alias="web")
    Verifier(Target("10.0.0.1", host_keys=keys), Files()).verify(parse_key(fake_key(b"1")))


def test_a_revoked_key_is_rejected(sshd: Sshd, tmp_path: Path) -> None:
    name, key = f"[127.0.0.1]:{sshd.port}", sshd.public()
    with pytest.raises(HostKeyRevokedError):
        connects(sshd, known(tmp_path / "known", f"{name} {key}", f"@revoked * {key}"))


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sshd, Path]]:
    """A host with certificates, and the authority."""
    folder = tmp_path_factory.mktemp("certified")
    ca = keygen(folder / "ca", "ecdsa")
    for kind in ("ed25519", "rsa"):
        sign(ca, keygen(folder / f"host_{kind}", kind), "-h", "-n", "127.0.0.1,*.shop.example")
    options = [f"HostCertificate {folder}/host_{kind}-cert.pub" for kind in ("ed25519", "rsa")]
    server = Sshd(folder, kinds=("ed25519", "rsa"), options=options).start()
    yield server, ca
    server.stop()


def text_of(path: Path) -> str:
    return " ".join(path.with_name(f"{path.name}.pub").read_text().split()[:2])


def test_an_authority_vouches_for_hosts(certified: tuple[Sshd, Path], tmp_path: Path) -> None:
    server, ca = certified
    path = tmp_path / "known"
    assert connects(server, known(path, f"@cert-authority 127.0.0.* {text_of(ca)}"))
    assert connects(server, known(path, f"@cert-authority [127.0.0.1]:{server.port} {text_of(ca)}"))
    # Without an authority for this host, its plain key is asked for.
    with pytest.raises(HostKeyUnknownError):
        connects(server, known(path, f"@cert-authority *.shop.example {text_of(ca)}"))
    with pytest.raises(HostCertificateError, match="unknown authority"):
        connects(server, known(path, f"@cert-authority * {text_of(keygen(tmp_path / 'other'))}"))
    for revoked in (text_of(ca), server.public()):
        with pytest.raises(HostCertificateError, match=r"revoked|unknown authority"):
            connects(server, known(path, f"@cert-authority * {text_of(ca)}", f"@revoked * {revoked}"))


def test_a_host_without_a_certificate_presents_its_known_key(sshd: Sshd, tmp_path: Path) -> None:
    ca = text_of(keygen(tmp_path / "ca"))
    plain = f"[127.0.0.1]:{sshd.port} {sshd.public()}"
    assert connects(sshd, known(tmp_path / "known", f"@cert-authority * {ca}", plain))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-h", "-n", "other.example"), "is for other.example"),
        (("-h",), "is for no host"),
        (("-n", "node-1"), "is not one of a host"),
        (("-h", "-n", "node-1", "-V", "20200101:20200102"), "is expired"),
        (("-h", "-n", "node-1", "-V", "21000101:21000102"), "is not valid yet"),
        (("-h", "-n", "node-1", "-O", "critical:a=b"), "critical options"),
    ],
)
def test_certificates_that_are_rejected(options: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    ca, key = keygen(tmp_path / "ca"), keygen(tmp_path / "key")
    blob = parse_key(sign(ca, key, *options).read_text())
    with pytest.raises(HostCertificateError, match=problem):
        check_certificate(blob, ("node-1",), {parse_key(text_of(ca))})


def test_a_certificate_with_a_wildcard_and_a_forged_one(tmp_path: Path) -> None:
    ca, key = keygen(tmp_path / "ca"), keygen(tmp_path / "key")
    blob = parse_key(sign(ca, key, "-h", "-n", "*.shop.example").read_text())
    authorities = {parse_key(text_of(ca))}
    check_certificate(blob, ("pc-7.shop.example",), authorities, now=time.time())
    forged = blob.replace(b"shop", b"shoq")
    with pytest.raises(HostCertificateError, match="invalid signature"):
        check_certificate(forged, ("pc-7.shoq.example",), authorities)


def test_a_hostname_pattern() -> None:
    assert matches("Node-1.example", ("*.EXAMPLE",))
    assert not matches("node-1.example", ("*.example", "!node-1.*"))
    assert not matches("nodeX1", ("node.1",))
    assert matches("node-1", ("node-?",))
