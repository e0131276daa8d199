"""Which certificates a download trusts."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeadm.package.http_fetch import trusted
from tests.certificates import new_pair


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "bundle.crt"
    path.write_bytes(new_pair("a distribution's authority")[0])
    return path


def names(found: list[dict[str, object]]) -> str:
    return str([each["subject"] for each in found])


def test_the_first_bundle_that_this_machine_has_is_trusted(bundle: Path, tmp_path: Path) -> None:
    context = trusted((str(tmp_path / "absent"), str(bundle)))
    assert "a distribution's authority" in names(context.get_ca_certs())  # type: ignore[arg-type]


def test_the_users_own_choice_has_the_first_word(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.crt"
    own.write_bytes(new_pair("the user's authority")[0])
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    found = names(trusted((str(bundle),)).get_ca_certs())  # type: ignore[arg-type]
    assert "the user's authority" in found
    assert "a distribution's authority" not in found
