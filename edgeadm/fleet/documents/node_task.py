"""SuperEdge's NodeTask (nodetask.apps.superedge.io/v1beta1), as Penetrator reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeadm.config.secret import Secret
from edgeadm.errors import ConfigError
from edgeadm.fleet.documents import forms
from edgeadm.fleet.documents.credentials import KEY_TEXT
from edgeadm.fleet.documents.errors import CredentialError, ProxyNodeError
from edgeadm.fleet.documents.faults import shown
from edgeadm.fleet.documents.kinds import LONGEST_LIST, Anything, Choice, ListOf, MapOf, Text
from edgeadm.fleet.documents.names import short_id
from edgeadm.fleet.documents.node_fleet import NAME, PORT
from edgeadm.fleet.documents.overlay import Targets
from edgeadm.fleet.documents.parts import Body, Part, key
from edgeadm.fleet.model import Fleet, Machine, SecretName

API, KIND = "nodetask.apps.superedge.io/v1beta1", "NodeTask"
NODE_LABEL = "app.superedge.io/node-label"
PASSWORD, PRIVATE_KEY = "passwd", "sshkey"
LONGEST_ANNOTATION = 256 * 1024


@dataclass(frozen=True)
class ObjectMetadata(Body):
    """The metadata of an object of the API, as in a file or as the API server returns it."""

    name: str | None = key("Name of the object.", NAME, required=True)
    namespace: str | None = key("Not used: the object is cluster-scoped.", Text(forms.NAME))
    labels: Mapping[str, str] | None = key("Labels.", MapOf(Text(forms.LABEL), Text(forms.VALUE_OF_LABEL)))
    annotations: Mapping[str, str] | None = key(
        "Annotations.", MapOf(Text(forms.LABEL), Text(longest=LONGEST_ANNOTATION, lines=True))
    )
    generate_name: Any = key("Not used.", Anything())
    uid: Any = key("Set by the API server.", Anything())
    resource_version: Any = key("Set by the API server.", Anything())
    generation: Any = key("Set by the API server.", Anything())
    creation_timestamp: Any = key("Set by the API server.", Anything())
    deletion_timestamp: Any = key("Set by the API server.", Anything())
    deletion_grace_period_seconds: Any = key("Set by the API server.", Anything())
    managed_fields: Any = key("Set by the API server.", Anything())
    self_link: Any = key("Set by the API server.", Anything())
    finalizers: Any = key("Not used.", Anything())
    owner_references: Any = key("Not used.", Anything())


@dataclass(frozen=True)
class TaskSpec(Body):
    """The machines of a NodeTask: `nodeNamePrefix` and `targetMachines` add machines, `nodeNamesOverride`
    reinstalls them."""

    node_name_prefix: str | None = key(
        "Prefix of the names of Nodes, with targetMachines. The names are `PREFIX-` and six characters.",
        Text(forms.NAME_PREFIX),
    )
    target_machines: tuple[str, ...] | None = key(
        "Addresses of the machines to add.", ListOf(Text(forms.ADDRESS), LONGEST_LIST, least=1)
    )
    node_names_override: Mapping[str, str] | None = key(
        "Names of Nodes and addresses of the machines to reinstall.",
        MapOf(NAME, Text(forms.ADDRESS), LONGEST_LIST),
    )
    ssh_credential: str | None = key(
        f"Secret in the namespace edge-system, with the password of root (`{PASSWORD}`) or a private key "
        f"(`{PRIVATE_KEY}`).",
        Text(forms.SECRET_NAME, longest=253),
        required=True,
    )
    ssh_port: int | None = key("Port of the SSH servers; 22 if not set.", PORT)
    proxy_node: str | None = key("Name of the Node from which the machines are reached.", NAME)

    def faults(self) -> Iterator[tuple[str, str]]:
        if (self.target_machines is None) == (not self.node_names_override):
            yield "", "expects exactly one of targetMachines and nodeNamesOverride"
        if self.target_machines is not None and self.node_name_prefix is None:
            yield "nodeNamePrefix", "is required with targetMachines"


@dataclass(frozen=True)
class NodeTask(Body):
    """Machines that join the cluster, or are reinstalled, with the login of one Secret."""

    api_version: str | None = key(f"`{API}`.", Choice((API,)), required=True)
    kind: str | None = key(f"`{KIND}`.", Choice((KIND,)), required=True)
    metadata: ObjectMetadata | None = key("Metadata of the object.", Part(ObjectMetadata), required=True)
    spec: TaskSpec | None = key("The machines.", Part(TaskSpec), required=True)
    status: Any = key("Set by the controller.", Anything())


def fleet_of(
    task: NodeTask, targets: Targets, source: Path | None, *, via: str = "", proxied: bool = False
) -> Fleet:
    """The Fleet of a NodeTask. Its machines have no login yet: `with_secret` sets it.

    `via` is a jump host to use instead of the proxyNode. `proxied` is set by the controller, which does the
    work on the proxyNode. Otherwise a proxyNode raises ProxyNodeError."""
    spec, name = task.spec or TaskSpec(), (task.metadata or ObjectMetadata()).name or ""
    if spec.proxy_node and not via and not proxied:
        raise ProxyNodeError(
            f"the machines of the NodeTask `{name}` are reached from the node `{spec.proxy_node}`, and from "
            "here only the controller in the cluster can start work on a node",
            hint="run `edgeadm addon fleet`, then `kubectl apply -f FILE`; or, if an SSH "
            "server reaches the machines, pass it as a jump host: `--via USER@HOST`",
        )
    if via and not forms.is_jump(via):
        raise ConfigError(f"`{shown(via)}` is not {forms.JUMP.words}", hint="see `--via`")
    ssh = replace(targets.defaults, port=spec.ssh_port or targets.defaults.port)
    jumps = (via,) if via else ()
    named = spec.node_names_override or {
        f"{spec.node_name_prefix}-{short_id(forms.normal(each), name)}": each
        for each in spec.target_machines or ()
    }
    again = bool(spec.node_names_override)
    return Fleet(
        name=name,
        machines=tuple(
            Machine(name=each, target=targets.target(address, ssh, jumps), reinstall=again)
            for each, address in named.items()
        ),
        kind=KIND,
        source=source,
        mark=(NODE_LABEL, mark_of(name, spec)),
        secret=SecretName(spec.ssh_credential or ""),
        proxy_node=spec.proxy_node or "",
    )


def mark_of(name: str, spec: TaskSpec) -> str:
    """The value of the label of a task's Nodes: the name and six characters. It changes with the machines to
    reinstall, so that a Node that has it already is not reinstalled twice."""
    machines = sorted(f"{each}={address}" for each, address in (spec.node_names_override or {}).items())
    return f"{name[:56]}-{short_id(' '.join(machines) or str(spec.node_name_prefix), name)}"


def with_secret(fleet: Fleet, data: Mapping[str, str]) -> Fleet:
    """The fleet with the login of its Secret: `data` of the Secret, in base64 as the API returns it. A
    private key has precedence over a password, as in Penetrator. Raises CredentialError."""
    name = fleet.secret.name if fleet.secret else ""
    password, private_key = (_decoded(data, each, name) for each in (PASSWORD, PRIVATE_KEY))
    if private_key is not None and not KEY_TEXT.search(private_key):
        raise CredentialError(
            f"`{PRIVATE_KEY}` of the Secret `{name}` is not a private key", hint="store the key file"
        )
    if password is None and private_key is None:
        raise CredentialError(
            f"the Secret `{name}` has neither `{PASSWORD}` nor `{PRIVATE_KEY}`",
            hint=f"create it with `--from-file={PASSWORD}=FILE` or `--from-file={PRIVATE_KEY}=FILE`",
        )

    def login(machine: Machine) -> Machine:
        given = replace(
            machine.target.login,
            password=None if private_key is not None else password,
            key_texts=() if private_key is None else (private_key,),
            agent=False,
        )
        return replace(machine, target=replace(machine.target, login=given))

    return replace(fleet, machines=tuple(login(each) for each in fleet.machines))


def _decoded(data: Mapping[str, str], name: str, secret: str) -> Secret | None:
    import base64

    if not data.get(name):
        return None
    try:
        text = base64.b64decode(data[name], validate=True).decode()
    except ValueError:
        raise CredentialError(
            f"`{name}` of the Secret `{secret}` is not a text", hint="store it in UTF-8"
        ) from None
    # `--from-file` stores the line break at the end of the file; a key needs it, a password must not have it.
    return Secret(text if name == PRIVATE_KEY else text.rstrip("\r\n")) or None
