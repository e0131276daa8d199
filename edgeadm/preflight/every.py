"""All checks of `init` and `join`, and their subject: phases and fleets share them."""

from __future__ import annotations

from collections.abc import Callable

from edgeadm.checks.engine import Check
from edgeadm.config import Config
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.journal import Journal
from edgeadm.hosts import Host, facts
from edgeadm.kubeadm.compat import OLDEST_RELEASE
from edgeadm.node.state import begun
from edgeadm.package.opened import OpenPackage
from edgeadm.preflight.images import IMAGE_CHECKS
from edgeadm.preflight.kubeadm import KUBEADM_INIT_CHECKS, KUBEADM_JOIN_CHECKS
from edgeadm.preflight.network import CONTROL_PLANE_CHECKS, JOIN_NETWORK_CHECKS, NETWORK_CHECKS
from edgeadm.preflight.node import NODE_CHECKS
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import SUPPLY_CHECKS

INIT_CHECKS: tuple[Check[Subject], ...] = (
    NODE_CHECKS + NETWORK_CHECKS + SUPPLY_CHECKS + KUBEADM_INIT_CHECKS + IMAGE_CHECKS
)
JOIN_CHECKS: tuple[Check[Subject], ...] = (
    NODE_CHECKS + JOIN_NETWORK_CHECKS + SUPPLY_CHECKS + KUBEADM_JOIN_CHECKS
)


def with_role(checks: tuple[Check[Subject], ...], config: Config) -> tuple[Check[Subject], ...]:
    """The checks of a join, and those of control planes if the node joins as one."""
    return checks + (CONTROL_PLANE_CHECKS if joins_control_plane(config) else ())


def kubernetes_of(package: OpenPackage | None, host: Host) -> str:
    """The planned version: the package's, else that of the kubeadm on the host; empty if there is neither."""
    return package.manifest.kubernetes if package else facts.kubeadm_version(host)


def planned(
    host: Host,
    config: Config,
    journal: Journal,
    package: OpenPackage | None,
    role: str,
    *,
    say: Callable[[str], None] = lambda _text: None,
    resets: bool = False,
) -> Subject:
    """The subject of the checks. `journal` is that of the host and names the verb. Without a version the
    oldest one is assumed, which requires least: a check reports the missing programs. `resets` tells that
    the host is reset before: the state of its earlier run is then no finding."""
    return Subject(
        host,
        config,
        kubernetes=kubernetes_of(package, host) or OLDEST_RELEASE,
        package=package,
        role=role,
        resuming=resets or begun(journal),
        ours=journal.ours,
        say=say,
    )
