"""Forms of texts in documents: each has words for messages and, if it is one, a pattern for JSON Schema."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from edgeadm.config.address import FORM
from edgeadm.config.texts import is_domain, is_endpoint, is_range

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
ARCHITECTURES = ("amd64", "arm64")
LABEL_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
PREFIX = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL_KEY = rf"({PREFIX}/)?{LABEL_NAME}"
LABEL_VALUE = rf"({LABEL_NAME})?"
TAINT = rf"{LABEL_KEY}(={LABEL_VALUE})?:(NoSchedule|PreferNoSchedule|NoExecute)"
DNS = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*"
USER = r"[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
ROLE_PREFIX = "node-role.kubernetes.io/"
# The label kubernetes.io/hostname of a Node has the node's name as its value: at most 63 characters.
LONGEST_NAME = 63


@dataclass(frozen=True)
class Form:
    """The form of a text: `words` complete the sentence "is not …"."""

    words: str
    test: Callable[[str], bool]
    pattern: str = ""


def by_pattern(words: str, pattern: str) -> Form:
    """The form of texts that match a pattern as a whole."""
    return Form(words, lambda text: re.fullmatch(pattern, text) is not None, f"^(?:{pattern})$")


@lru_cache(maxsize=1 << 16)
def parsed(text: str) -> Address | None:
    """The IP address of a text; None if it is not one."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_host(text: str) -> bool:
    """Whether it is an IP address that one host can have, or a host name. Zones (`fe80::1%eth0`) and names
    that end with a number, such as `10.0.0.300`, are not."""
    address = parsed(text)
    if address is None:
        name = text.lower()
        return is_domain(name) and not name.rpartition(".")[2].isdigit()
    return "%" not in text and not address.is_multicast and not address.is_unspecified


def normal(host: str) -> str:
    """An address in its one normal form: IPv6 compressed, names in lower case."""
    address = parsed(host)
    return host.lower() if address is None else str(address)


def is_label_key(text: str) -> bool:
    """Whether Kubernetes accepts it as the key of a label (apimachinery, validation.IsQualifiedName)."""
    prefix, slash, _ = text.rpartition("/")
    return re.fullmatch(LABEL_KEY, text) is not None and (not slash or len(prefix) <= 253)


def is_own_label(text: str) -> bool:
    """Whether it is the key of a label that a node may set by itself (NodeRestriction rejects roles)."""
    return is_label_key(text) and not text.startswith(ROLE_PREFIX)


def is_network(text: str) -> bool:
    """Whether it is one network with a prefix, without a zone."""
    return "%" not in text and is_range(text)


def is_path(text: str) -> bool:
    """Whether it can be the path of a file. `~other` is not resolved, and therefore refused."""
    return bool(text) and (not text.startswith("~") or text.startswith("~/"))


def _is_package(text: str) -> bool:
    scheme, found, rest = text.partition("://")
    return scheme in ("http", "https", "ftp") and bool(rest) if found else is_path(text)


def _is_endpoint(text: str) -> bool:
    return re.fullmatch(r"\S+", text) is not None and "%" not in text and is_endpoint(text)


def jump_of(text: str) -> tuple[str, str, int]:
    """User, host and port of `USER@HOST:PORT`; the user is empty and the port 0 if not given. Raises
    ValueError."""
    user, _, place = text.rpartition("@")
    found = FORM.fullmatch(place)
    host = place if _is_ipv6(place) else (found["six"] or found["host"]) if found else ""
    port = (found["six_port"] or found["port"]) if found and not _is_ipv6(place) else None
    if not is_host(host or "") or (user and not re.fullmatch(USER, user)) or len(port or "") > 5:
        raise ValueError(text)
    if port and not 0 < int(port) < 1 << 16:
        raise ValueError(text)
    return user, normal(host), int(port or 0)


def _is_ipv6(text: str) -> bool:
    return text.count(":") > 1 and not text.startswith("[")


def is_jump(text: str) -> bool:
    """Whether `jump_of` accepts it."""
    try:
        return bool(jump_of(text))
    except ValueError:
        return False


NAME = Form(
    f"a lower-case DNS name of at most {LONGEST_NAME} characters",
    lambda text: len(text) <= LONGEST_NAME and is_domain(text),
    f"^(?:{DNS})$",
)
ADDRESS = Form("an IP address", lambda text: is_host(text) and parsed(text) is not None)
HOST = Form("an IP address or a host name", is_host)
JUMP = Form("of the form USER@HOST:PORT", is_jump)
ENDPOINT = Form("HOST or HOST:PORT", _is_endpoint)
PATH = Form("the path of a file", is_path)
PACKAGE = Form("a path or an http, https or ftp URL", _is_package)
ARCHITECTURE = by_pattern("one of " + ", ".join(ARCHITECTURES), "|".join(ARCHITECTURES))
SECRET_NAME = by_pattern("the name of a Secret", DNS)
NAME_PREFIX = Form(
    f"a prefix for names: a lower-case DNS name of at most {LONGEST_NAME - 7} characters",
    lambda text: len(text) <= LONGEST_NAME - 7 and is_domain(text),
    f"^(?:{DNS})$",
)
LABEL = Form("the key of a label", is_label_key, f"^(?:{LABEL_KEY})$")
OWN_LABEL = Form(
    f"the key of a label that a node may have (not `{ROLE_PREFIX}…`)", is_own_label, f"^(?:{LABEL_KEY})$"
)
VALUE_OF_LABEL = by_pattern("the value of a label", LABEL_VALUE)
TAINT_TEXT = by_pattern("of the form key=value:Effect", TAINT)
USER_NAME = by_pattern("the name of a user", USER)
VARIABLE_NAME = by_pattern("the name of an environment variable", VARIABLE)
REPOSITORY = by_pattern(
    "a registry with a path, such as registry.example/superedge",
    rf"{DNS}(:[0-9]{{1,5}})?(/[a-z0-9]+([._-]{{1,2}}[a-z0-9]+)*)*",
)
RELEASE = by_pattern(
    "a version such as v0.9.0", r"v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}([-+][0-9A-Za-z.-]{1,40})?"
)
CIDR = Form("a network such as 192.168.0.0/16", is_network)
INTERFACE = by_pattern("the name of a network interface", r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
DIRECTORY = by_pattern("an absolute path without `..`", r"|/(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._/-]{1,200}")
ARGUMENT = by_pattern("the name of an option of a component", r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
HOST_KEY = by_pattern(
    "a SHA256 fingerprint or a public key in the format of OpenSSH",
    r"SHA256:[A-Za-z0-9+/]{43}=?|(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( [^\x00-\x1f]*)?",
)
