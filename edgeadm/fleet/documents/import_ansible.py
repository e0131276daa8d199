"""Inventories of Ansible, INI and YAML, as a NodeFleet.

Source: the Ansible documentation, "How to build your inventory", and the plugins `ini` and `yaml`. Variables
that are expressions of Jinja are not evaluated, and passwords are never copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.fleet.documents.faults import shown
from edgeadm.fleet.documents.forms import is_host, is_jump
from edgeadm.fleet.documents.imported import MOST_HOSTS, Imported, expanded, without_empty

ALL, UNGROUPED = "all", "ungrouped"
SECRETS = ("ansible_password", "ansible_ssh_pass", "ansible_become_password", "ansible_become_pass")
TAKEN = (
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_ssh_private_key_file",
    "ansible_private_key_file",
    "ansible_become",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
)
ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")
DEEPEST = 20
# Variables that other software reads do not concern edgeadm: they are counted, not listed.
OWN = "ansible_"


@dataclass
class Group:
    """A group of an inventory."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


@dataclass
class Inventory:
    """An inventory: groups by name; `all` always exists."""

    groups: dict[str, Group] = field(default_factory=lambda: {ALL: Group()})

    def group(self, name: str) -> Group:
        return self.groups.setdefault(name, Group())

    def add_host(self, group: str, pattern: str, values: Mapping[str, Any]) -> None:
        """Add the hosts of a pattern to a group. Raises ValueError."""
        known = self.group(group).hosts
        for name in expanded(pattern):
            known.setdefault(name, {}).update(values)
            if len(known) > MOST_HOSTS:
                raise ValueError(f"the group `{shown(group)}` has more than {MOST_HOSTS} hosts")
            if group != ALL:
                self.groups[ALL].hosts.setdefault(name, {})


def from_ini(text: str, source: str) -> Imported:
    """The NodeFleet of an inventory in INI. Raises ConfigSyntaxError with the line."""
    found, section, kind = Inventory(), UNGROUPED, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        try:
            if line.startswith("[") and line.endswith("]"):
                section, _, kind = line[1:-1].strip().partition(":")
                if kind not in ("", "vars", "children") or not section:
                    raise ValueError(f"`{shown(line)}` is not a section")
                found.group(section)
            else:
                _line(found, section, kind, line)
        except ValueError as error:
            raise ConfigSyntaxError(
                f"`{source}`, line {number}: {error}",
                hint="edgeadm reads inventories of Ansible in INI and YAML",
            ) from None
    return _fleet(found, source)


def _line(found: Inventory, section: str, kind: str, line: str) -> None:
    if kind == "vars":
        key, sign, value = line.partition("=")
        if not sign:
            raise ValueError(f"`{shown(line)}` is not of the form KEY=VALUE")
        found.group(section).vars[key.strip()] = value.strip().strip("'\"")
    elif kind == "children":
        found.group(section).children[line.split()[0]] = None
        found.group(line.split()[0])
    else:
        words = shlex.split(line, comments=True)
        pairs = [each.partition("=") for each in words[1:]]
        if bad := [key for key, sign, _ in pairs if not sign]:
            raise ValueError(f"`{shown(bad[0])}` is not of the form KEY=VALUE")
        found.add_host(section, words[0], {key: value for key, _, value in pairs})


def from_yaml(document: Any, source: str) -> Imported:
    """The NodeFleet of an inventory in YAML, as plain values. Raises ConfigSyntaxError."""
    found = Inventory()
    try:
        for name, body in _mapping(document, "the inventory").items():
            _yaml_group(found, name, body, 0)
    except ValueError as error:
        raise ConfigSyntaxError(
            f"`{source}`: {error}", hint="see Ansible's documentation of inventories"
        ) from None
    return _fleet(found, source)


def _yaml_group(found: Inventory, name: str, body: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"groups are nested deeper than {DEEPEST} levels")
    values = _mapping(body, name)
    if unknown := [each for each in values if each not in ("hosts", "children", "vars")]:
        raise ValueError(f"the group `{shown(name)}` has the key `{shown(unknown[0])}`")
    group = found.group(name)
    group.vars |= _mapping(values.get("vars"), name)
    hosts = values.get("hosts")
    for host, about in _mapping({hosts: None} if isinstance(hosts, str) else hosts, name).items():
        found.add_host(name, host, _mapping(about, host))
    for child, about in _mapping(values.get("children"), name).items():
        group.children[child] = None
        _yaml_group(found, child, about, depth + 1)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"`{shown(where)}` is not a mapping")
    return value


def _fleet(inventory: Inventory, source: str) -> Imported:
    result = Imported(source)
    for host in inventory.groups[ALL].hosts:
        groups = [name for name in _groups_of(inventory, host) if name not in (ALL, UNGROUPED)]
        values: dict[str, Any] = {}
        # The innermost group last: it wins, as in Ansible.
        for name in (ALL, UNGROUPED, *groups):
            values |= inventory.groups.get(name, Group()).vars
        for name in (ALL, UNGROUPED, *groups):
            values |= inventory.groups.get(name, Group()).hosts.get(host, {})
        _host(result, host, groups, values)
    if not result.machines:
        raise ConfigSyntaxError(f"`{source}` contains no host", hint="check that it is an inventory")
    return result


def _groups_of(inventory: Inventory, host: str) -> list[str]:
    """The groups of a host, outer ones first; a cycle of children ends."""
    found = [name for name, group in inventory.groups.items() if host in group.hosts]
    level = found
    for _ in range(DEEPEST):
        level = [
            name
            for name, group in inventory.groups.items()
            if any(each in group.children for each in level) and name not in found
        ]
        if not level:
            break
        found = [*level, *found]
    return found


def _host(result: Imported, host: str, groups: list[str], values: Mapping[str, Any]) -> None:
    if str(values.get("ansible_connection", "ssh")) not in ("ssh", "paramiko", "smart"):
        result.note(host, "is not reached by SSH, and was left out")
        return
    texts = dict(_texts(result, host, values))
    address = texts.get("ansible_host") or texts.get("ansible_ssh_host") or host
    if not is_host(address):
        result.note(host, "has no valid address, and was left out")
        return
    names = [result.node_name(each) for each in groups]
    for each in names:
        result.groups.setdefault(each, {})
    result.machines.append(
        without_empty(
            {
                "address": address,
                "name": result.node_name(host) if not is_address_like(host) else None,
                "groups": names,
                "via": _jumps(result, host, texts),
                "ssh": _ssh(result, host, texts),
            }
        )
    )


def is_address_like(host: str) -> bool:
    """Whether a host of an inventory is an address: then its Node gets a name by pattern."""
    return re.fullmatch(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:]*", host) is not None


def _texts(result: Imported, host: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The variables that are taken, as texts; the others are noted."""
    for name, value in values.items():
        if name in SECRETS:
            result.note(host, f"{name}: passwords are not copied, use `ssh.password` with `env` or `file`")
        elif name in TAKEN and ("{{" in str(value) or isinstance(value, dict | list)):
            result.note(host, f"{name}: expressions are not evaluated")
        elif name in TAKEN:
            yield name, str(value)
        elif name.startswith(OWN) and name != "ansible_connection":
            result.note(host, f"{shown(name)}: has no equivalent")


def _ssh(result: Imported, host: str, texts: Mapping[str, str]) -> dict[str, Any]:
    port = texts.get("ansible_port") or texts.get("ansible_ssh_port") or ""
    if port and not port.isdigit():
        result.note(host, "ansible_port: is not a number")
    become = texts.get("ansible_become", "").lower()
    sudo = {"": None, "true": "auto", "yes": "auto", "1": "auto"}.get(become, "never")
    return without_empty(
        {
            "user": texts.get("ansible_user") or texts.get("ansible_ssh_user"),
            "port": int(port) if port.isdigit() and len(port) < 6 else None,
            "key": texts.get("ansible_ssh_private_key_file") or texts.get("ansible_private_key_file"),
            "sudo": sudo,
        }
    )


def _jumps(result: Imported, host: str, texts: Mapping[str, str]) -> list[str]:
    """The jump hosts of `-J HOST`, `-o ProxyJump=HOST`; other options of ssh are noted."""
    for name in ARGUMENTS:
        given = texts.get(name, "")
        found = re.search(r"(?:-J\s*|ProxyJump[=\s]+)[\"']?([^\"'\s]+)", given)
        rest = given.replace(found[0], "").replace("-o", "").strip(" \"'") if found else given.strip()
        if rest:
            result.note(host, f"{name}: options of ssh were not taken, except jump hosts")
        jumps = found[1].split(",") if found else []
        if all(is_jump(each) for each in jumps) and jumps:
            return jumps
        if jumps:
            result.note(host, f"{name}: the jump host is not of the form USER@HOST:PORT")
    return []
