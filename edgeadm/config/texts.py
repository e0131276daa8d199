"""Forms of values that can be told from their text alone."""

from __future__ import annotations

import ipaddress
import re

from edgeadm.config.address import HostPort

TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address_range(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The range; raises ValueError for what is none, or has no prefix length."""
    if "/" not in text:
        raise ValueError("no prefix length")
    return ipaddress.ip_network(text, strict=False)


def is_range(text: str) -> bool:
    """Whether it is a range of addresses such as 192.168.0.0/16."""
    try:
        address_range(text.strip())
    except ValueError:
        return False
    return True


def is_domain(text: str) -> bool:
    """Whether it is a lower-case DNS name."""
    return len(text) < 254 and all(DNS_LABEL.fullmatch(label) for label in text.split("."))


def is_endpoint(text: str) -> bool:
    """Whether it is HOST or HOST:PORT."""
    found = HostPort.parse(text)
    return (is_address(found.host) or is_domain(found.host)) and 0 < found.port < 1 << 16
