"""Checks that this host can hold the virtual IP of the control planes, and that it is free."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.config.control_plane import KEEPALIVED, virtual_ip
from edgeadm.hosts import facts
from edgeadm.preflight.subject import Subject

GROUP = "virtual IP"
PROGRAMS = ("keepalived", "haproxy")
MEMBERS = "tools/vip/vip-members"


def _programs(subject: Subject) -> Iterable[Outcome]:
    shared = virtual_ip(subject.config)
    if shared is None or shared.kind != KEEPALIVED:
        return
    package = subject.package
    if package is None or not package.has(MEMBERS):
        text = (
            "the control plane members of the virtual IP are maintained by vip-members, which only "
            "packages with `ha` contain"
        )
        yield failed(text, "pass `--install-pkg-path`; `edgeadm package list` shows the contents")
    for name in PROGRAMS:
        if not (package and package.has(f"tools/vip/{name}")) and not facts.has_program(subject.host, name):
            hint = "install it from your distribution, or use a package that contains it"
            yield failed(f"{name} is neither in the package nor installed", hint)


def _interface(subject: Subject) -> Iterable[Outcome]:
    shared = virtual_ip(subject.config)
    if shared is None:
        return
    name = subject.config.interface or facts.default_interface(subject.host)
    there = facts.addresses(subject.host)
    if name not in there:
        text = f"there is no interface {name}" if name else "no interface has the default route"
        hint = "name the interface of the virtual IP with `--interface`"
        yield failed(text, hint)
        return
    address = ipaddress.ip_address(shared.address)
    if not any(address in ipaddress.ip_interface(each).network for each in there[name]):
        text = f"{address} is in no network of {name}: other hosts may not reach it"
        hint = "use a free address of the control planes' network"
        yield warning(text, hint, code="VirtualIPNetwork")


def _free(subject: Subject) -> Iterable[Outcome]:
    shared = virtual_ip(subject.config)
    if shared is None or subject.resuming:
        return
    own = {each.partition("/")[0] for every in facts.addresses(subject.host).values() for each in every}
    if shared.address in own:
        text = f"{shared.address} is already an address of this host"
        yield failed(text, "use an address that is assigned to no host")
    elif subject.host.ask("ping", "-c", "1", "-W", "1", "-q", shared.address).code == 0:
        text = f"{shared.address} is in use by another host"
        yield failed(text, "use a free address")


VIRTUAL_IP_CHECKS = (
    Check("VirtualIPPrograms", GROUP, "the manager of the virtual IP is available", _programs),
    Check("VirtualIPInterface", GROUP, "there is an interface for the virtual IP", _interface),
    Check("VirtualIP", GROUP, "the virtual IP is not in use yet", _free),
)
