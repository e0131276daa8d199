"""Address ranges, and names of Nodes by pattern. Both depend on the document only."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator

from edgeadm.fleet.documents.forms import LONGEST_NAME, NAME, Form, is_host, normal, parsed

MOST = 100_000
PLACE = re.compile(r"\{(n(?::0([1-9]))?|address|id|site)\}")
DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
DEFAULT = "node-{address}"
ID_LENGTH = 6


def addresses(text: str) -> Iterator[str]:
    """The addresses of `A-B`, of a network without its network and broadcast address, or the one host.
    Raises ValueError."""
    if "/" in text:
        network = ipaddress.ip_network(text)
        if network.num_addresses > MOST:
            raise ValueError(f"the network has more than {MOST} addresses")
        yield from (str(each) for each in network.hosts())
        return
    first, dash, last = text.partition("-")
    if dash and parsed(first) is not None:
        yield from _between(first, last)
    elif is_host(text):
        yield normal(text)
    else:
        raise ValueError(f"`{text}` is not an address, a range or a host name")


def _between(first: str, last: str) -> Iterator[str]:
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
    if low.version != high.version or int(high) < int(low) or int(high) - int(low) >= MOST:
        raise ValueError("the range is reversed, too large, or of two address families")
    yield from (str(type(low)(number)) for number in range(int(low), int(high) + 1))


def size(text: str) -> int:
    """The number of `addresses` of a valid text, at least as many."""
    if "/" in text:
        return ipaddress.ip_network(text).num_addresses
    first, dash, last = text.partition("-")
    if dash and parsed(first) is not None:
        return int(ipaddress.ip_address(last)) - int(ipaddress.ip_address(first)) + 1
    return 1


def is_range(text: str) -> bool:
    """Whether `addresses` accepts it."""
    try:
        return is_host(next(addresses(text)))
    except (ValueError, StopIteration):
        return False


def is_pattern(text: str) -> bool:
    """Whether it is a pattern for names: at least one place that differs by machine, and valid characters."""
    found = {each[1].partition(":")[0] for each in PLACE.finditer(text)}
    return bool(found - {"site"}) and NAME.test(PLACE.sub("0", text))


def name_of(pattern: str, number: int, address: str, site: str, salt: str = "") -> str:
    """The name for the machine with this number, address and site; `salt` makes the ids of fleets differ."""

    def replaced(found: re.Match[str]) -> str:
        match found[1].partition(":")[0]:
            case "n":
                return f"{number:0{found[2] or 1}}"
            case "address":
                return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")
            case "id":
                return short_id(address, salt)
            case _:
                return site

    return PLACE.sub(replaced, pattern)[: LONGEST_NAME + 1]


def short_id(address: str, salt: str = "") -> str:
    """Six characters of [a-z0-9] that depend on the address and the salt only. Penetrator's are random, so
    that its second run on the same machines would not find them."""
    return short(salt, address)


def short(*parts: object) -> str:
    """Six characters of [a-z0-9] that are always the same for these values."""
    number = int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8])
    digits = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    return "".join(digits)


RANGE = Form(
    "an address, a host name, a range such as 10.9.0.2-10.9.0.40, or a network such as 10.9.0.0/28", is_range
)
PATTERN = Form("a pattern with {n}, {n:03}, {address} or {id}", is_pattern)
