"""Checks that this host can hold the virtual IP of the control planes, and that it is free."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from edgeadm.config import Config
from edgeadm.config.control_plane import KEEPALIVED, virtual_ip
from edgeadm.hosts import Host, facts
from edgeadm.preflight.check import Check, Finding
from edgeadm.preflight.subject import Subject

PROGRAMS = ("keepalived", "haproxy")
MEMBERS = "tools/vip/vip-members"


def _programs(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    shared = virtual_ip(config)
    if shared is None or shared.kind != KEEPALIVED:
        return
    package = subject.package
    if package is None or not package.has(MEMBERS):
        text = (
            "the control plane members of the virtual IP are maintained by vip-members, which only "
            "packages with `ha` contain"
        )
        yield Finding(
            "VirtualIPPrograms", text, "pass `--install-pkg-path`; `edgeadm package list` shows the contents"
        )
    for name in PROGRAMS:
        if not (package and package.has(f"tools/vip/{name}")) and not facts.has_program(host, name):
            hint = "install it from your distribution, or use a package that contains it"
            yield Finding("VirtualIPPrograms", f"{name} is neither in the package nor installed", hint)


def _interface(host: Host, config: Config, _subject: Subject) -> Iterable[Finding]:
    shared = virtual_ip(config)
    if shared is None:
        return
    name = config.interface or facts.default_interface(host)
    there = facts.addresses(host)
    if name not in there:
        text = f"there is no interface {name}" if name else "no interface has the default route"
        hint = "name the interface of the virtual IP with `--interface`"
        yield Finding("VirtualIPInterface", text, hint)
        return
    address = ipaddress.ip_address(shared.address)
    if not any(address in ipaddress.ip_interface(each).network for each in there[name]):
        text = f"{address} is in no network of {name}: other hosts may not reach it"
        hint = "use a free address of the control planes' network"
        yield Finding("VirtualIPNetwork", text, hint, fatal=False)


def _free(host: Host, config: Config, subject: Subject) -> Iterable[Finding]:
    shared = virtual_ip(config)
    if shared is None or subject.resuming:
        return
    own = {each.partition("/")[0] for every in facts.addresses(host).values() for each in every}
    if shared.address in own:
        text = f"{shared.address} is already an address of this host"
        yield Finding("VirtualIP", text, "use an address that is assigned to no host")
    elif host.ask("ping", "-c", "1", "-W", "1", "-q", shared.address).code == 0:
        text = f"{shared.address} is in use by another host"
        yield Finding("VirtualIP", text, "use a free address")


VIRTUAL_IP_CHECKS = (
    Check("VirtualIPPrograms", "the manager of the virtual IP is available", _programs),
    Check("VirtualIPInterface", "there is an interface for the virtual IP", _interface),
    Check("VirtualIP", "the virtual IP is not in use yet", _free),
)
