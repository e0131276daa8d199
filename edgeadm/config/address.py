"""Parses and formats HOST:PORT and https://HOST:PORT, with IPv6 addresses in brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from edgeadm.config.kubeadm_defaults import API_PORT

HTTPS_PORT = 443
# [IPv6], [IPv6]:PORT, HOST or HOST:PORT; an IPv6 address without brackets does not match.
FORM = re.compile(r"\[(?P<six>[^]]+)](?::(?P<six_port>\d+))?|(?P<host>[^:]+)(?::(?P<port>\d+))?")


@dataclass(frozen=True)
class HostPort:
    """A host, by address or name, and a port. As a text it is HOST:PORT."""

    host: str
    port: int = API_PORT

    @classmethod
    def parse(cls, text: str, port: int = API_PORT) -> HostPort:
        """The host and port of HOST:PORT, HOST, [IPv6]:PORT, [IPv6] or an IPv6 address without brackets.
        `port` is the default. Another text is returned as the host: `texts.is_endpoint` validates the
        form."""
        found = FORM.fullmatch(text)
        if found is None:
            return cls(text, port)
        given = found["six_port"] or found["port"]
        return cls(found["six"] or found["host"], int(given) if given else port)

    @classmethod
    def of_url(cls, url: str) -> HostPort:
        """The host and port of a URL such as https://HOST:PORT/path. The default port is that of HTTPS, as in
        every client of the API. The host is empty if the text contains none."""
        try:
            found = urlsplit(url)
            return cls(found.hostname or "", found.port or HTTPS_PORT)
        except ValueError:
            return cls("", HTTPS_PORT)

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    @property
    def bracketed(self) -> str:
        """The host in front of a colon: an IPv6 address in brackets."""
        return f"[{self.host}]" if self.is_ipv6 else self.host

    @property
    def url(self) -> str:
        """https://HOST:PORT."""
        return f"https://{self}"

    def __str__(self) -> str:
        return f"{self.bracketed}:{self.port}"
