"""Bootstrap tokens: durations, kubectl's short form, and Secrets there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edgeadm.errors import ConfigError
from edgeadm.kubeadm.tokens import BootstrapToken, from_secret, lifetime, short, to_secret

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ttl", "life"),
    [
        ("24h0m0s", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("500ms", timedelta(seconds=0.5)),
        ("0", None),
        ("0s", None),
    ],
)
def test_durations_as_go_writes_them(ttl: str, life: timedelta | None) -> None:
    assert lifetime(ttl) == life


@pytest.mark.parametrize("ttl", ["", "1", "1d", "h", "1h ", "-1h", "1h2"])
def test_what_is_no_duration_is_refused(ttl: str) -> None:
    with pytest.raises(ConfigError, match="--ttl"):
        lifetime(ttl)


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(seconds=-5), "<invalid>"),
        (timedelta(0), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(hours=23, minutes=59), "23h"),
        (timedelta(hours=49), "2d"),
        (timedelta(days=800), "2y"),
    ],
)
def test_what_is_left_in_kubectls_short_form(left: timedelta, shown: str) -> None:
    assert short(left) == shown


@pytest.mark.parametrize(
    "token",
    [
        BootstrapToken("abcdef", "0123456789abcdef", NOON, ("authentication", "signing"), (), "words"),
        BootstrapToken("abcdef", "0123456789abcdef", None, ("signing",), ()),
    ],
)
def test_a_token_survives_its_secret(token: BootstrapToken) -> None:
    assert from_secret(to_secret(token)) == token


def test_the_secret_is_not_in_what_is_shown_of_a_token_by_mistake() -> None:
    assert "0123456789abcdef" not in repr(BootstrapToken("abcdef", "0123456789abcdef"))
