"""A NodeTask as the controller sees it: every value of the object is checked again, independent of the API
server, and names are derived from values that do not change."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from edgeadm.apps import fleet
from edgeadm.cluster import Object
from edgeadm.fleet.controller.errors import TaskError
from edgeadm.fleet.documents.names import short

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
PORT = 22
# With this annotation, new host keys of the machines of a task are accepted.
NEW_KEYS = "app.superedge.io/accept-new-host-keys"
OVERRIDE, PREFIX, MACHINES = "nodeNamesOverride", "nodeNamePrefix", "targetMachines"


@dataclass(frozen=True)
class Task:
    """A valid NodeTask. `label` is the value of the label of its nodes, `addresses` are those of the machines
    without names, `names` maps names to addresses if the spec contains them: then the machines are
    reinstalled."""

    name: str
    uid: str
    generation: int
    created: str
    credential: str
    addresses: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    port: int = PORT
    proxy: str = ""
    new_keys: bool = False

    @property
    def reinstalls(self) -> bool:
        """Whether the machines are installed again under given names."""
        return bool(self.names)

    @property
    def label(self) -> str:
        """`<task>-<6 characters>`: different for each object, and for adding and reinstalling."""
        return f"{self.name}-{short(self.uid, 'reinstall' if self.reinstalls else 'add')}"

    @property
    def run(self) -> str:
        """The name of the task's Job, ConfigMap and Secret."""
        return fleet.PREFIX + hashlib.sha256(f"{self.uid}/{self.label}".encode()).hexdigest()[:10]

    def named(self, taken: Callable[[str], bool], known: Mapping[str, str] | None = None) -> dict[str, str]:
        """Names and addresses of the machines. A derived name that is `taken` is replaced by the next one;
        addresses that are `known` keep their names."""
        if self.reinstalls:
            return dict(self.names)
        kept = {address: name for address, name in (known or {}).items() if address in self.addresses}
        found = {name: address for address, name in kept.items()}
        for address in self.addresses:
            if address in kept:
                continue
            number = 0
            while (name := f"{self.prefix}-{short(self.uid, address, number)}") in found or taken(name):
                number += 1
            found[name] = address
        return found


def read(obj: Object) -> Task:
    """The task of an object. Raises TaskError with all faults."""
    meta, spec = obj["metadata"], obj.get("spec")
    if not isinstance(spec, Mapping):
        raise TaskError("spec: not a mapping")
    faults = list(_faults(str(meta["name"]), spec))
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise TaskError(
            f"{count} in the spec: {'; '.join(faults)[:1000]}",
            context="\n".join(faults),
            hint="correct it, and apply it again",
        )
    return Task(
        name=str(meta["name"]),
        uid=str(meta.get("uid", "")),
        generation=int(meta.get("generation", 1)),
        created=str(meta.get("creationTimestamp", "")),
        credential=str(spec["sshCredential"]),
        addresses=tuple(spec.get(MACHINES) or ()),
        names=tuple(sorted((spec.get(OVERRIDE) or {}).items())),
        prefix=str(spec.get(PREFIX, "")),
        port=int(spec.get("sshPort", PORT)),
        proxy=str(spec.get("proxyNode") or ""),
        new_keys=(meta.get("annotations") or {}).get(NEW_KEYS) == "true",
    )


def _faults(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    known: dict[str, Callable[[Any], Iterator[str]]] = {
        PREFIX: lambda value: _word(PREFIX, value, LABEL, 40),
        MACHINES: _addresses,
        OVERRIDE: _override,
        "sshCredential": lambda value: _word("sshCredential", value, NAME, 253),
        "sshPort": _port,
        "proxyNode": lambda value: _word("proxyNode", value, NAME, 253) if value else iter(()),
    }
    yield from _word("metadata.name", name, LABEL, 56)
    for key, value in spec.items():
        if key in known:
            yield from known[key](value)
            continue
        near = get_close_matches(str(key), known, n=1)
        yield f"`{str(key)[:80]}` is not a field" + (f", did you mean `{near[0]}`?" if near else "")
    if "sshCredential" not in spec:
        yield "`sshCredential` is missing"
    if (MACHINES in spec) == (OVERRIDE in spec):
        yield f"exactly one of `{MACHINES}` and `{OVERRIDE}` is required"
    elif (MACHINES in spec) != (PREFIX in spec):
        yield f"`{PREFIX}` and `{MACHINES}` belong together"


def _word(field: str, value: Any, pattern: re.Pattern[str], longest: int) -> Iterator[str]:
    if not isinstance(value, str) or len(value) > longest or not pattern.fullmatch(value):
        yield f"`{field}` must consist of at most {longest} of the characters a-z, 0-9 and hyphens"


def _addresses(value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not 0 < len(value) <= fleet.MACHINES:
        yield f"`{MACHINES}` must be a list of 1 to {fleet.MACHINES} addresses"
        return
    yield from _each_address(MACHINES, value)


def _override(value: Any) -> Iterator[str]:
    if not isinstance(value, Mapping) or not 0 < len(value) <= fleet.MACHINES:
        yield f"`{OVERRIDE}` must be a mapping of 1 to {fleet.MACHINES} names to addresses"
        return
    for name in value:
        yield from _word(f"{OVERRIDE}, name", name, NAME, 63)
    yield from _each_address(OVERRIDE, list(value.values()))


def _each_address(field: str, values: list[Any]) -> Iterator[str]:
    parsed = [_parsed(each) for each in values]
    wrong = sum(each is None for each in parsed)
    if wrong:
        yield f"`{field}` contains {wrong} values that are not IP addresses"
    right = [each for each in parsed if each is not None]
    if len(set(right)) < len(right):
        yield f"`{field}` contains an address twice"


def _parsed(value: Any) -> Any:
    try:
        found = ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
    # A zone (fe80::1%eth0) is the name of a link of this host.
    return None if found is None or "%" in str(found) else found


def _port(value: Any) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 16:
        yield "`sshPort` must be a number from 1 to 65535"
