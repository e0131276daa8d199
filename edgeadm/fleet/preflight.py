"""The preflight checks of `join`, and of `init` for the first control plane, for a machine of a fleet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from edgeadm.checks.engine import WRONG, Check, Finding, Result, run_checks, waive, with_result
from edgeadm.config import Config
from edgeadm.config.model import addon_settings, join_settings, key_of, kubeadm_settings, own_settings
from edgeadm.config.secret import Secret
from edgeadm.config.ticket import joins_control_plane
from edgeadm.core.journal import Journal
from edgeadm.errors import ConfigError, EdgeadmError
from edgeadm.fleet import configuration
from edgeadm.fleet.bundle import Bundles
from edgeadm.fleet.errors import NoPackageError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Fleet, Machine, Role
from edgeadm.fleet.work import Ticket
from edgeadm.hosts import Host
from edgeadm.hosts.rounds import RoundsHost, in_rounds
from edgeadm.kubeadm.documents import refuse_unreadable
from edgeadm.package.opened import OpenPackage
from edgeadm.preflight.every import INIT_CHECKS, JOIN_CHECKS, planned, with_role
from edgeadm.preflight.subject import Subject

DOCUMENTS = "KubeadmDocuments"
# The names of Nodes are those of the document: no resolver knows them before the machines join.
EXPECTED = (("Hostname", Result.WARNING),)
GROUP, STATEMENT = "document", "the package and the settings of the machine can be used"
# Stands for the hash of the CA of a cluster that the run creates.
UNKNOWN_CA = "sha256:" + "0" * 64
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
    host is only read: each fact once, and all in a few round trips if the host prefetches.
    """
    verb = "init" if is_first(machine, config) else "join"
    checks = INIT_CHECKS if verb == "init" else with_role(JOIN_CHECKS, config)
    theirs = None if package is None else replace(package, role=machine.role.value, elsewhere=True)
    again = resets or machine.reinstall or bool(facts.running) or facts.interrupted == "reset"

    def look(known: Host) -> list[Finding]:
        subject = planned(known, config, Journal(known, verb), theirs, machine.role.value, resets=again)
        return [*_documents(subject), *_each(checks, subject, known)]

    found = [each for each in in_rounds(host, look) if (each.code, each.result) not in EXPECTED]
    waived = waive(found, config.kubeadm.ignore_preflight_errors)
    return [for_document(each) for each in with_result(waived, *WRONG)]


def _each(checks: Sequence[Check[Subject]], subject: Subject, known: Host) -> Iterator[Finding]:
    """The findings. A check that cannot judge without answers does not keep the others from asking."""
    for check in checks:
        try:
            yield from list(run_checks([check], subject))
        except Exception:
            if not (isinstance(known, RoundsHost) and not known.is_complete()):
                raise


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


@dataclass(frozen=True)
class PreflightChecks:
    """The checks as the work on a machine calls them. `ca` is the hash of the CA of the cluster, empty before
    it exists: the first control plane of the document is then made by `init`. The offline package is read and
    verified once, on this host, by the bundles that machines receive."""

    fleet: Fleet
    bundles: Bundles
    endpoint: str = ""
    ca: str = ""

    def __call__(self, host: Host, machine: Machine, facts: Facts) -> Sequence[Finding]:
        """The warnings and failures of the machine, with those of its package and its settings. None of a
        node of the cluster, which continues: `edgeadm join` does not check it either."""
        if self.is_joined(machine, facts):
            return []
        try:
            config = self.config(machine)
            if is_first(machine, config):
                config = replace(config, kubeadm_documents=self.fleet.kubeadm_documents)
            path, manifest = self.bundles.path(facts.arch), self.bundles.manifest(facts.arch)
        except NoPackageError as error:
            # Of a fleet with packages, the check PackageMissing between machines reports it.
            return [] if self.bundles.packages else [_failure(error)]
        except EdgeadmError as error:
            return [_failure(error)]
        package = OpenPackage(path, manifest, machine.role.value, elsewhere=True)
        return findings(host, machine, config, package, facts)

    def is_joined(self, machine: Machine, facts: Facts) -> bool:
        """Whether the machine is a node of this cluster, and no run on it was interrupted."""
        member = facts.membership
        ours = member is not None and bool(self.ca) and member.ca == self.ca
        return ours and not machine.reinstall and not facts.interrupted

    def config(self, machine: Machine) -> Config:
        """The configuration of the machine, without a token."""
        first = not self.ca and machine.name == next((each.name for each in self.fleet.control_planes()), "")
        ticket = Ticket(self.endpoint, "" if first else self.ca or UNKNOWN_CA, Secret(""))
        document = configuration.document(self.fleet, machine, ticket, "")
        return configuration.parsed(document, configuration.verb_of(ticket))


def _failure(error: EdgeadmError) -> Finding:
    """The finding for an error of the package or of the settings, which concerns each machine of a kind."""
    return Finding(error.code, GROUP, STATEMENT, Result.FAILED, error.message, error.hint, error)
