"""HOST:PORT in every form that users, documents and kubeconfigs have it."""

from __future__ import annotations

import pytest

from edgeadm.config.address import HostPort
from edgeadm.config.texts import is_endpoint


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("10.0.0.11", "10.0.0.11", 6443, "10.0.0.11:6443"),
        ("10.0.0.11:7443", "10.0.0.11", 7443, "10.0.0.11:7443"),
        ("api.example", "api.example", 6443, "api.example:6443"),
        ("api.example:443", "api.example", 443, "api.example:443"),
        ("fd00::11", "fd00::11", 6443, "[fd00::11]:6443"),
        ("[fd00::11]", "fd00::11", 6443, "[fd00::11]:6443"),
        ("[fd00::11]:7443", "fd00::11", 7443, "[fd00::11]:7443"),
    ],
)
def test_an_endpoint(text: str, host: str, port: int, shown: str) -> None:
    found = HostPort.parse(text)
    assert (found.host, found.port, str(found)) == (host, port, shown)
    assert found.url == f"https://{shown}"
    assert HostPort.of_url(found.url) == found
    assert is_endpoint(text)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.11:0", "10.0.0.11:70000", "10.0.0.11:http", "a b", "[10.0.0.11", "x:1:2"]
)
def test_what_is_none(text: str) -> None:
    assert not is_endpoint(text)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://api.example", HostPort("api.example", 443)),
        ("https://[fd00::11]:6443/", HostPort("fd00::11")),
        ("https://API.example:6443/k8s", HostPort("api.example")),
        ("", HostPort("", 443)),
        ("https://10.0.0.11:port", HostPort("", 443)),
    ],
)
def test_an_url(url: str, wanted: HostPort) -> None:
    assert HostPort.of_url(url) == wanted
