"""Facts about a machine, which one shell gathers (edgeadm/fleet/inspect.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Membership:
    """The cluster that the machine is in, or was: `ca` is the hash of the CA (`sha256:…`), `active` tells
    whether kubelet runs, `complete` whether the journal of `edgeadm join` or `init` ended by itself."""

    node: str = ""
    ca: str = ""
    server: str = ""
    role: str = ""
    active: bool = False
    complete: bool = False
    by_edgeadm: bool = False


@dataclass(frozen=True)
class Facts:
    """A machine: identity, system, resources, network, and its state as a node. `clock` is the difference
    of its clock to that of this host in seconds, corrected by half of the round trip. `devices` are the
    numbers of the file systems of directories. `networks` are the addresses with the lengths of their
    prefixes. `reaches` maps HOST:PORT to whether the machine can open a TCP connection to it, and is empty
    if it has no bash. `stored` are the names of the complete chunks, files and executables that an earlier
    run left there (edgeadm/fleet/chunks.py, edgeadm/fleet/layout.py), `running` is the unit of a run that
    has not ended, `applied` is the hash of the settings that edgeadm last applied and `record` these
    settings (edgeadm/fleet/record.py). `boot` is the identifier of the current boot, `interrupted` the verb
    of edgeadm that was interrupted."""

    hostname: str
    arch: str
    machine_id: str = ""
    serial: str = ""
    product_uuid: str = ""
    os: str = ""
    kernel: str = ""
    systemd: int = 0
    cpus: int = 0
    memory_mib: int = 0
    free_mib: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    macs: Mapping[str, str] = field(default_factory=dict)
    clock: float = 0.0
    reaches: Mapping[str, bool] = field(default_factory=dict)
    membership: Membership | None = None
    remains: tuple[str, ...] = ()
    stored: frozenset[str] = frozenset()
    running: str = ""
    applied: str = ""
    record: Mapping[str, object] = field(default_factory=dict)
    boot: str = ""
    interrupted: str = ""
