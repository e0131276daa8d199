"""Files of k0sctl (k0sctl.k0sproject.io/v1beta1, kind Cluster) as a NodeFleet.

Source: the README of k0sproject/k0sctl, "Configuration file"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.fleet.documents.faults import shown
from edgeadm.fleet.documents.forms import NAME
from edgeadm.fleet.documents.imported import Imported, without_empty

API = "k0sctl.k0sproject.io/"
ROLES = {"controller": "control-plane", "controller+worker": "control-plane", "single": "control-plane"}
TAKEN = ("role", "ssh", "openSSH", "hostname", "privateAddress")
SSH = ("address", "user", "port", "keyPath", "bastion", "hostKey")


def is_k0sctl(document: Any) -> bool:
    """Whether it is a file of k0sctl."""
    return isinstance(document, dict) and str(document.get("apiVersion", "")).startswith(API)


def from_k0sctl(document: Mapping[str, Any], source: str) -> Imported:
    """The NodeFleet of a k0sctl file, as plain values. Raises ConfigSyntaxError."""
    spec, metadata = document.get("spec"), document.get("metadata")
    hosts = spec.get("hosts") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(hosts, list) or not hosts:
        raise ConfigSyntaxError(
            f"`{source}` contains no `spec.hosts`", hint="check that it is a file of k0sctl"
        )
    result = Imported(source)
    name = metadata.get("name") if isinstance(metadata, dict) else None
    result.name = name if isinstance(name, str) and NAME.test(name) else result.name
    for key in spec:
        if key != "hosts":
            result.note(f"spec.{key}", "has no equivalent: edgeadm takes the versions of its package")
    for at, host in enumerate(hosts):
        if not isinstance(host, dict):
            raise ConfigSyntaxError(f"`{source}`: spec.hosts[{at}] is not a mapping", hint="check the file")
        _host(result, host, f"spec.hosts[{at}]")
    return result


def _host(result: Imported, host: Mapping[str, Any], where: str) -> None:
    ssh = host.get("ssh") or host.get("openSSH")
    if not isinstance(ssh, dict) or not isinstance(ssh.get("address"), str):
        result.note(where, "is not reached by SSH, and was left out")
        return
    for key in host:
        if key not in TAKEN:
            result.note(f"{where}.{shown(key)}", "has no equivalent")
    name, role = host.get("hostname"), str(host.get("role") or "worker")
    private = host.get("privateAddress")
    result.machines.append(
        without_empty(
            {
                "address": ssh["address"],
                "name": result.node_name(name) if isinstance(name, str) else None,
                "role": ROLES.get(role, "worker"),
                "via": _bastions(result, ssh, f"{where}.ssh"),
                "ssh": _login(result, ssh, f"{where}.ssh"),
                "settings": {"nodeIp": private} if isinstance(private, str) else None,
            }
        )
    )


def _login(result: Imported, ssh: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in ssh:
        if key not in SSH:
            result.note(f"{where}.{shown(key)}", "has no equivalent")
    pinned = ssh.get("hostKey")
    return without_empty(
        {
            "user": ssh.get("user"),
            "port": ssh.get("port"),
            "key": ssh.get("keyPath"),
            "hostKeys": [pinned] if pinned else None,
        }
    )


def _bastions(result: Imported, ssh: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    """The bastion of a host; k0sctl's bastions may have bastions: the outermost is connected first."""
    found: list[dict[str, Any]] = []
    bastion = ssh.get("bastion")
    while isinstance(bastion, dict) and len(found) < 8:
        where = f"{where}.bastion"
        login = _login(result, bastion, where)
        found.insert(0, without_empty({"address": bastion.get("address"), "ssh": login}))
        bastion = bastion.get("bastion")
    return found
