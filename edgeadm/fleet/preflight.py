"""The preflight checks of `join`, and of `init` for the first control plane, for a machine of a fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from edgeadm.checks.engine import WRONG, Check, Finding, Result, run_checks, waive, with_result
from edgeadm.config import Config
from edgeadm.config.model import addon_settings, join_settings, key_of, kubeadm_settings, own_settings
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.journal import Journal
from edgeadm.errors import ConfigError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine, Role
from edgeadm.hosts import Host, RememberedHost
from edgeadm.kubeadm.documents import refuse_unreadable
from edgeadm.package.opened import OpenPackage, Say, quiet
from edgeadm.preflight.every import INIT_CHECKS, JOIN_CHECKS, planned, with_role
from edgeadm.preflight.subject import Subject

DOCUMENTS = "KubeadmDocuments"
FLAG = re.compile(r"`--([a-z][-a-z]+)`")
# Flags of one host, and hints for their user, whose place is elsewhere in the document of a fleet.
PLACES = {"install_pkg_path": "`packages`"}
HINTS = {"IsPrivilegedUser": "log in as root, or as a user who may use sudo, and set `sudo` in the document"}


def findings(
    host: Host,
    machine: Machine,
    config: Config,
    package: OpenPackage | None,
    facts: Facts,
    *,
    resets: bool = False,
) -> Sequence[Finding]:
    """The warnings and failures of this machine; failures that `ignorePreflightErrors` names are warnings.

    `config` is that of the machine's `join`, or of the `init` of a control plane that does not join.
    `package` was verified before, on this host. `resets` tells that the machine is reset before it joins. The
    host is only read; each fact is read once.
    """
    verb = "init" if is_first(machine, config) else "join"
    known = RememberedHost(host)
    subject = planned(
        known,
        config,
        Journal(known, verb),
        None if package is None else replace(package, role=machine.role.value, elsewhere=True),
        machine.role.value,
        resets=resets or machine.reinstall or bool(facts.running),
    )
    checks = INIT_CHECKS if verb == "init" else with_role(JOIN_CHECKS, config)
    found = [*_documents(subject), *run_checks(checks, subject)]
    waived = waive(found, config.kubeadm.ignore_preflight_errors)
    return [for_document(each) for each in with_result(waived, *WRONG)]


def is_first(machine: Machine, config: Config) -> bool:
    """Whether the machine becomes a control plane by `init`."""
    return machine.role is Role.CONTROL_PLANE and not joins_control_plane(config)


def for_document(finding: Finding) -> Finding:
    """The finding with a hint for the author of a document: keys instead of flags."""
    hint = HINTS.get(finding.code, finding.hint)
    return replace(finding, hint=FLAG.sub(_key, hint))


def _key(flag: re.Match[str]) -> str:
    name = flag[1].replace("-", "_")
    if name in PLACES:
        return PLACES[name]
    every = own_settings() | kubeadm_settings() | join_settings() | addon_settings()
    return f"`{key_of(name)}` in `settings`" if name in every else flag[0]


def _documents(subject: Subject) -> Iterator[Finding]:
    """Phases raise this error before their checks."""
    check: Check[Subject] = Check(DOCUMENTS, "kubeadm", "kubeadm reads the given documents", lambda _: ())
    try:
        refuse_unreadable(subject.config.kubeadm_documents, subject.kubernetes)
    except ConfigError as error:
        yield Finding(
            check.code, check.group, check.statement, Result.FAILED, error.message, error.hint, error
        )


@dataclass
class Packages:
    """The offline packages of a run. Each file is verified once, on this host, for all machines."""

    say: Say = quiet
    _known: dict[Path, OpenPackage] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def opened(self, path: Path, role: Role) -> OpenPackage:
        """The package as a machine of this role opens it. Raises the package's errors."""
        with self._lock:
            if path not in self._known:
                package = OpenPackage.open(path, role.value, keeps=False)
                package.check(self.say)
                self._known[path] = replace(package, elsewhere=True)
            return replace(self._known[path], role=role.value)
