"""The keys of a NodeFleet, edgeadm's own document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from edgeadm.fleet.documents import forms
from edgeadm.fleet.documents.kinds import (
    LONGEST_LIST,
    RATES,
    TIMES,
    Choice,
    Either,
    Flag,
    ListOf,
    MapOf,
    Measured,
    Share,
    Text,
    Whole,
)
from edgeadm.fleet.documents.names import PATTERN, RANGE
from edgeadm.fleet.documents.parts import Body, Part, key
from edgeadm.fleet.documents.settings import Settings
from edgeadm.fleet.model import Limit, Role
from edgeadm.hosts.ssh.target import Sudo, Trust

API, KIND = "edgeadm.io/v1alpha1", "NodeFleet"
CLEAR = "is not written into a document: use `{env: VARIABLE}`, `{file: PATH}` or `{prompt: TEXT}`"
NAME = Text(forms.NAME, longest=forms.LONGEST_NAME)
LABELS = MapOf(Text(forms.OWN_LABEL, longest=317), Text(forms.VALUE_OF_LABEL, longest=63))
TAINTS = ListOf(Text(forms.TAINT_TEXT), most=64)
PORT = Whole(1, 65535)


@dataclass(frozen=True)
class SecretRef(Body):
    """A secret by reference: exactly one of the keys."""

    env: str | None = key("Name of an environment variable.", Text(forms.VARIABLE_NAME))
    file: str | None = key(
        "File with mode 0600 or 0400; a line break at its end is removed.", Text(forms.PATH)
    )
    prompt: str | None = key(
        "Text with which edgeadm asks on the terminal, once for each text.", Text(longest=200)
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        if sum(each is not None for each in (self.env, self.file, self.prompt)) != 1:
            yield "", "expects exactly one of env, file and prompt"


@dataclass(frozen=True)
class KeyRef(Body):
    """A private key by reference: exactly one of the keys."""

    file: str | None = key("Private key; a certificate may be beside it (`-cert.pub`).", Text(forms.PATH))
    env: str | None = key(
        "Name of an environment variable with the text of a key.", Text(forms.VARIABLE_NAME)
    )

    def faults(self) -> Iterator[tuple[str, str]]:
        if (self.env is None) == (self.file is None):
            yield "", "expects exactly one of file and env"


class Reference(Part):
    """A reference to a secret. A string is refused: it would be the secret itself."""

    def read(self, value: Any, path: str, faults: Any) -> Any:
        if isinstance(value, str | int | float):
            from edgeadm.fleet.documents.errors import SecretInDocumentError

            faults.add(path, CLEAR, SecretInDocumentError)
            return None
        return super().read(value, path, faults)


SECRET = Reference(SecretRef)
KEY = Either(Text(forms.PATH), Part(KeyRef))


@dataclass(frozen=True)
class Ssh(Body):
    """The login of a machine. All credentials are tried: the key, keys of the agent, the password. Without
    any of them, the keys in `~/.ssh` are tried."""

    SECRETS: ClassVar[Mapping[str, str]] = {
        "privateKey": "a private key is not written into a document: use `key`",
        "passwd": f"the key is `password`, and its value {CLEAR}",
    }

    user: str | None = key("User; `root` if not set.", Text(forms.USER_NAME, longest=65))
    port: int | None = key("Port of the SSH server; 22 if not set.", PORT)
    private_key: Any = key("Private key: the path of a file, or a reference.", KEY, name="key")
    passphrase: SecretRef | None = key("Passphrase of the private key.", SECRET)
    agent: bool | None = key("Whether keys of the SSH agent are tried; true if not set.", Flag())
    password: SecretRef | None = key("Password of the user.", SECRET)
    sudo: str | None = key(
        "Whether commands run with sudo: `auto` (for every user except root), `always` or `never`.",
        Choice(tuple(Sudo)),
    )
    sudo_password: SecretRef | None = key("Password for sudo; the user's password if not set.", SECRET)
    host_key_policy: str | None = key(
        "`strict` accepts known host keys only; `accept-new` adds the key of an unknown host to edgeadm's "
        "known_hosts. A changed key is rejected in both cases.",
        Choice(tuple(Trust)),
    )
    known_hosts: tuple[str, ...] | None = key(
        "Files in the format of known_hosts; `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts` if not set.",
        ListOf(Text(forms.PATH), most=16),
    )
    host_keys: tuple[str, ...] | None = key(
        "The accepted host keys, as SHA256 fingerprints or public keys. No other key is accepted.",
        ListOf(Text(forms.HOST_KEY, longest=4096), most=16),
    )
    connect_timeout: float | None = key(
        "Time for each attempt to connect and log in, such as `30s`.", Measured(TIMES, "30s")
    )


@dataclass(frozen=True)
class Jump(Body):
    """A host through which the machines are reached. Its user, credentials and host keys are those of
    `spec.defaults.ssh`, unless it sets its own."""

    address: str | None = key("Address of the jump host.", Text(forms.HOST, longest=253), required=True)
    ssh: Ssh | None = key("Login of the jump host.", Part(Ssh))


JUMPS = ListOf(Either(Text(forms.JUMP, longest=330), Part(Jump)), most=8)


@dataclass(frozen=True)
class Common(Body):
    """Keys of machines, sites, groups and defaults. The innermost value wins: machine, site, group, defaults.
    Labels, settings and the keys of `ssh` are merged one by one; taints are added."""

    role: str | None = key("Role of the machine; `edge` if not set.", Choice(tuple(Role)))
    labels: Mapping[str, str] | None = key("Labels of the Node.", LABELS)
    taints: tuple[str, ...] | None = key("Taints of the Node, key=value:Effect.", TAINTS)
    settings: Mapping[str, Any] | None = key(
        "Keys of an EdgeConfiguration for `edgeadm join` or `init`.", Settings()
    )
    ssh: Ssh | None = key("Login.", Part(Ssh))
    via: tuple[Any, ...] | None = key(
        "Jump hosts, in the order of the connection: `USER@HOST:PORT`, or mappings. An empty list "
        "removes those of an outer level.",
        JUMPS,
    )
    names: str | None = key(
        "Pattern for names of Nodes: `{n}` or `{n:03}` counts the machines that use the pattern, `{address}` "
        "is the address with dashes, `{id}` are six characters that depend on the address, `{site}` is the "
        "site.",
        Text(PATTERN, longest=120),
    )


@dataclass(frozen=True)
class MachineBody(Common):
    """A machine, or a range of addresses."""

    address: str | None = key(
        "Address or host name, a range such as `10.9.0.2-10.9.0.40`, or a network such as `10.9.0.0/28`.",
        Text(RANGE, longest=253),
        required=True,
    )
    name: str | None = key("Name of the Node. Not for ranges: these have `names`.", NAME)
    groups: tuple[str, ...] | None = key("Names of groups.", ListOf(NAME, most=32))
    reinstall: bool | None = key("Reset the machine before it joins, even if it is a node already.", Flag())


MACHINES = ListOf(Either(Text(RANGE, longest=253), Part(MachineBody)), most=LONGEST_LIST)


@dataclass(frozen=True)
class Group(Common):
    """Values that machines of several sites share."""

    name: str | None = key("Name of the group.", NAME, required=True)


@dataclass(frozen=True)
class SiteBody(Common):
    """Machines that share a LAN."""

    name: str | None = key("Name of the site.", NAME, required=True)
    shares: bool | None = key(
        "Whether one machine receives the files over the WAN and serves them to the others; true if not set.",
        Flag(),
    )
    bandwidth: float | None = key(
        "Limit for the WAN of the site, such as `10Mbit` or `2MiB` (a second); unlimited if not set.",
        Measured(RATES, "10Mbit"),
    )
    groups: tuple[str, ...] | None = key("Groups of every machine of the site.", ListOf(NAME, most=32))
    machines: tuple[Any, ...] | None = key("Machines of the site.", MACHINES)


@dataclass(frozen=True)
class ClusterBody(Body):
    """The cluster that the machines join."""

    endpoint: str | None = key(
        "HOST:PORT at which machines reach the API server; that of the cluster if not set.",
        Text(forms.ENDPOINT, longest=260),
    )
    kubeconfig: str | None = key(
        "Kubeconfig of an administrator; that of kubectl if not set.", Text(forms.PATH)
    )


@dataclass(frozen=True)
class LimitsBody(Body):
    """Limits of a run."""

    concurrency: int | None = key("Machines at the same time; 64 if not set.", Whole(1, 10_000))
    max_failures: Limit | None = key(
        "Failed machines, as a number or share, after which no new work starts.", Share()
    )
    max_unreachable: Limit | None = key(
        "Unreachable machines, as a number or share, after which no new work starts.", Share()
    )
    attempts: int | None = key("Attempts to connect; 3 if not set.", Whole(1, 100))
    ready_timeout: float | None = key("Time until the Node is Ready; `5m` if not set.", Measured(TIMES, "5m"))


@dataclass(frozen=True)
class Spec(Body):
    """The specification."""

    cluster: ClusterBody | None = key("The cluster that the machines join.", Part(ClusterBody))
    packages: Mapping[str, str] | None = key(
        "Offline packages by architecture (amd64, arm64): paths, or http, https or ftp URLs.",
        MapOf(Text(forms.ARCHITECTURE), Text(forms.PACKAGE), most=8),
    )
    limits: LimitsBody | None = key("Limits of a run.", Part(LimitsBody))
    defaults: Common | None = key("Values for every machine.", Part(Common))
    groups: tuple[Group, ...] | None = key(
        "Values that machines of several sites share.", ListOf(Part(Group))
    )
    sites: tuple[SiteBody, ...] | None = key(
        "Sites: machines that share a LAN.", ListOf(Part(SiteBody), LONGEST_LIST)
    )
    machines: tuple[Any, ...] | None = key("Machines without a site.", MACHINES)


@dataclass(frozen=True)
class Metadata(Body):
    """The name of the document."""

    name: str | None = key("Name of the fleet.", NAME, required=True)


@dataclass(frozen=True)
class NodeFleet(Body):
    """A fleet of machines."""

    api_version: str | None = key(f"`{API}`.", Choice((API,)), required=True)
    kind: str | None = key(f"`{KIND}`.", Choice((KIND,)), required=True)
    metadata: Metadata | None = key("The name of the fleet.", Part(Metadata), required=True)
    spec: Spec | None = key("The machines and their cluster.", Part(Spec), required=True)
