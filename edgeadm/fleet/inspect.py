"""The facts of a machine from the output of one script. The machine is not trusted: output that is too long,
truncated, or not plain text is refused."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from edgeadm import pki
from edgeadm.fleet.errors import BadAnswerError
from edgeadm.fleet.facts import Facts, Membership
from edgeadm.fleet.inspect_script import SCRIPT
from edgeadm.hosts.base import Host, Result
from edgeadm.hosts.facts import ARCHITECTURES
from edgeadm.hosts.remote import Remote

MAX_BYTES = 1 << 20
MAX_LINES = 20_000
TIMEOUT = 60.0
NODE_USER = "system:node:"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
STORED = re.compile(r"(executable:)?[0-9a-f]{20,64}(\.[0-9]{1,8})?")
UNIT = re.compile(r"edgeadm-fleet-[a-z]+-[0-9a-f-]{36}\.service")
# Interfaces of Pods, container runtimes and virtual machines: each machine has those with equal addresses.
NOT_OURS = re.compile(
    r"(lo|veth|cali|cilium|flannel|cni|docker|virbr|br-|kube-|nodelocaldns|lxc|tunl|dummy|edge|tke)"
)
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Values = Mapping[str, list[str]]
Clock = Callable[[], float]


def through_remote(remote: Remote, *endpoints: str, clock: Clock = time.time) -> Facts:
    """The facts, in a remote shell. `endpoints` are HOST:PORT. Raises BadAnswerError, UnreachableError."""
    before = clock()
    done = remote.shell(SCRIPT, "", *endpoints, timeout=TIMEOUT)
    return _facts(done, before, clock())


def through_host(host: Host, *endpoints: str, clock: Clock = time.time) -> Facts:
    """The facts, through the open shell of a host. Raises BadAnswerError, UnreachableError."""
    before = clock()
    done = host.ask("sh", "-c", SCRIPT, "edgeadm", "", *endpoints, timeout=TIMEOUT)
    return _facts(done, before, clock())


def parse(text: str, before: float = 0.0, after: float = 0.0) -> Facts:
    """The facts in the output of the script; `before` and `after` are the seconds of this host's clock around
    it. Raises BadAnswerError."""
    values = _values(text)
    hostname, arch = _one(values, "hostname"), _one(values, "arch")
    if not values["end"] or not NAME.fullmatch(hostname) or not NAME.fullmatch(arch):
        raise _refused("the answer is not complete")
    ended = _journal(values)
    record, found = _json(values, "applied"), _interfaces(values)
    return Facts(
        hostname=hostname.lower(),
        arch=ARCHITECTURES.get(arch, arch),
        machine_id=_one(values, "machine-id"),
        serial=_one(values, "serial"),
        product_uuid=_one(values, "uuid").lower(),
        os=_one(values, "os").strip("\"'"),
        kernel=_one(values, "kernel"),
        systemd=_number(_word(_one(values, "systemd"), 1)),
        cpus=_number(_one(values, "cpus")),
        memory_mib=_number(_word(_one(values, "memory"), 1)) // 1024,
        free_mib=_by_path(values, "free"),
        devices=_by_path(values, "device"),
        addresses={name: tuple(str(each.ip) for each in every) for name, every in found.items()},
        networks={name: tuple(map(str, every)) for name, every in found.items()},
        macs=_macs(values),
        clock=_clock(values, before, after),
        reaches=_reaches(values),
        membership=_membership(values, interrupted=bool(ended)),
        remains=tuple(each for each in values["remains"] if each.startswith("/")),
        stored=frozenset(each for each in values["stored"] if STORED.fullmatch(each)),
        running=next((each for each in values["running"] if UNIT.fullmatch(each)), ""),
        applied=_text(record.get("hash")),
        record=record,
        boot=_one(values, "boot"),
        interrupted=ended,
    )


def _facts(done: Result, before: float, after: float) -> Facts:
    if done.code == 124:
        raise _refused(f"no answer within {TIMEOUT:.0f} s")
    return parse(done.out, before, after)


def _values(text: str) -> Values:
    if len(text) > MAX_BYTES or text.count("\n") > MAX_LINES:
        raise _refused(f"the answer has {len(text)} characters, the limit is {MAX_BYTES}")
    found: dict[str, list[str]] = defaultdict(list)
    for line in text.split("\n"):
        if not line.isprintable() or "\N{REPLACEMENT CHARACTER}" in line:
            raise _refused("the answer contains control characters or is not UTF-8")
        key, _, value = line.partition(" ")
        if value.strip():
            found[key].append(value.strip())
    return found


def _refused(why: str) -> BadAnswerError:
    return BadAnswerError(
        f"the machine did not answer as edgeadm expects: {why}",
        hint="log in to it and check that `sh` runs, and that its login prints nothing",
    )


def _one(values: Values, key: str) -> str:
    return values[key][0] if values.get(key) else ""


def _word(text: str, index: int) -> str:
    words = text.split()
    return words[index] if len(words) > index else ""


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _decoded(values: Values, key: str) -> bytes:
    try:
        return base64.b64decode(_one(values, key), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _json(values: Values, key: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(values, key))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _journal(values: Values) -> str:
    """The verb whose run did not end by itself, from the last record of the journal."""
    last = _json(values, "journal")
    verb = _text(last.get("verb"))
    return verb if verb in ("init", "join", "reset") and last.get("event") != "complete" else ""


def _by_path(values: Values, key: str) -> dict[str, int]:
    pairs = [each.split(" ", 1) for each in values[key]]
    return {pair[1]: _number(pair[0]) for pair in pairs if len(pair) == 2}


def _interfaces(values: Values) -> dict[str, list[Interface]]:
    found: dict[str, list[Interface]] = defaultdict(list)
    for name, text in (each.split(" ", 1) for each in values["address"] if " " in each):
        try:
            interface = ipaddress.ip_interface(text)
        except ValueError:
            continue
        if not (interface.ip.is_loopback or interface.ip.is_link_local or NOT_OURS.match(name)):
            found[name].append(interface)
    return found


def _macs(values: Values) -> dict[str, str]:
    pairs = [each.split(" ", 1) for each in values["mac"]]
    return {
        pair[0]: pair[1].lower()
        for pair in pairs
        if len(pair) == 2 and not NOT_OURS.match(pair[0]) and re.fullmatch(r"([0-9a-fA-F]{2}:){5}..", pair[1])
    }


def _clock(values: Values, before: float, after: float) -> float:
    """The difference of the clocks, as NTP computes it: the script ran in the middle of the round trip."""
    begin, end = (_number(_one(values, key)) / 1000 for key in ("begin", "end"))
    return ((begin - before) + (end - after)) / 2 if before and begin else 0.0


def _reaches(values: Values) -> dict[str, bool]:
    pairs = [each.split(" ", 1) for each in values["reaches"]]
    return {pair[1]: pair[0] == "yes" for pair in pairs if len(pair) == 2}


def _membership(values: Values, *, interrupted: bool) -> Membership | None:
    name = next((each for each in ("kubelet", "admin") if _one(values, f"{each}-server")), "")
    if not name:
        return None
    ca = _decoded(values, f"{name}-ca") or _decoded(values, "ca")
    try:
        pin = pki.discovery_hash(ca)
    except pki.BadCertificateError:
        pin = ""
    user = pki.common_name(_decoded(values, "client"))
    by_edgeadm = bool(values["journal"])
    return Membership(
        node=user.removeprefix(NODE_USER) if user.startswith(NODE_USER) else "",
        ca=pin,
        server=_one(values, f"{name}-server"),
        role=_one(values, "role") or "worker",
        active=_one(values, "kubelet") == "active",
        complete=by_edgeadm and not interrupted,
        by_edgeadm=by_edgeadm,
    )
