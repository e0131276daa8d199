"""Certificates that the cluster's CA signs, whatever kind of key it has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from edgeadm import pki
from tests.certificates import KEYS, new_pair

LEAF = pki.Leaf("Somebody", ("tunnel.example.org",), ("127.0.0.1", "10.96.0.80"))


def new_authority(kind: str, days: float = 3650) -> tuple[bytes, bytes]:
    return new_pair("kubernetes", kind, days, timedelta(hours=1))


@pytest.mark.parametrize("kind", KEYS)
def test_a_signed_certificate_says_what_it_should(kind: str) -> None:
    ca, ca_key = new_authority(kind)
    key = pki.new_key()
    signed = pki.sign(ca, ca_key, key, LEAF, 365)
    found = x509.load_pem_x509_certificate(signed)
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
    extension = found.extensions.get_extension_for_class
    assert {str(each.value) for each in extension(x509.SubjectAlternativeName).value} == {
        *LEAF.names,
        *LEAF.addresses,
    }
    assert extension(x509.AuthorityKeyIdentifier).value.key_identifier == b"its own way"
    assert not extension(x509.BasicConstraints).value.ca
    standing = pki.stands(signed, key, ca, LEAF)
    assert (standing.fault, standing.left > 0.99) == ("", True)


def test_a_certificate_does_not_outlive_its_authority() -> None:
    ca, ca_key = new_authority("ecdsa", days=10)
    found = x509.load_pem_x509_certificate(pki.sign(ca, ca_key, pki.new_key(), LEAF, 365))
    authority = x509.load_pem_x509_certificate(ca)
    assert found.not_valid_after_utc == authority.not_valid_after_utc
    assert found.not_valid_before_utc >= authority.not_valid_before_utc


def test_a_client_needs_no_name() -> None:
    ca, ca_key = new_authority("ecdsa")
    leaf = pki.Leaf("client", server=False, client=True)
    key = pki.new_key()
    found = x509.load_pem_x509_certificate(signed := pki.sign(ca, ca_key, key, leaf, 1))
    usages = list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert pki.stands(signed, key, ca, leaf).fault == ""


def test_what_is_wrong_with_a_certificate_is_said() -> None:
    ca, ca_key = new_authority("ecdsa")
    other, _ = new_authority("ecdsa")
    key = pki.new_key()
    signed = pki.sign(ca, ca_key, key, LEAF, 365)
    more = pki.Leaf("Somebody", ("tunnel.example.org", "new.example.org"))
    assert pki.stands(signed, key, other, LEAF).fault == "the cluster CA did not sign it"
    assert pki.stands(signed, key, ca, more).fault == "it lacks new.example.org"
    assert pki.stands(signed, pki.new_key(), ca, LEAF).fault
    assert pki.stands(b"", b"", ca, LEAF).left == 0


def test_another_authoritys_key_is_refused() -> None:
    ca, _ = new_authority("ecdsa")
    _, other_key = new_authority("ecdsa")
    with pytest.raises(pki.BadCertificateError):
        pki.sign(ca, other_key, pki.new_key(), LEAF, 1)
