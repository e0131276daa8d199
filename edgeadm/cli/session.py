"""Opens what a verb works on: the host with its log and journal, the package, the API; and closes it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgeadm.assets import cache_root
from edgeadm.cli import console
from edgeadm.cli.report import LiveReport, PlainReport
from edgeadm.cluster import Cluster
from edgeadm.cluster.dry import DryCluster
from edgeadm.config import Config
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.lock import lock
from edgeadm.core.phase import Context
from edgeadm.errors import EdgeadmError, NotRootError, UnreachableError
from edgeadm.hosts import DryHost, Host, LocalHost, LoggedHost, RunLog
from edgeadm.package import open_source
from edgeadm.package.opened import OpenPackage
from edgeadm.phases.common import ADMIN_CONF

LOGS = Path("/var/log/edgeadm")


@dataclass
class Session:
    """What a verb needs to run: the context, and the log that a failure points to."""

    ctx: Context
    log: RunLog
    report: PlainReport | LiveReport


@contextmanager
def changing(verb: str, config: Config, report: PlainReport | LiveReport) -> Iterator[Session]:
    """A session that may change this machine: root, the lock, a log, the journal.

    Raises NotRootError, LockedError; every error that passes gets the log's path."""
    if os.geteuid() != 0:
        raise NotRootError(f"`edgeadm {verb}` changes this machine", hint="run it as root: `sudo edgeadm …`")
    log = RunLog(LOGS / f"{verb}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log", _secrets(config))
    plain = LocalHost()
    with lock(masked_command(config)), _log_named(log, report):
        journal = Journal(plain)
        host = JournaledHost(LoggedHost(plain, log), journal)
        ctx = Context(config, host, journal, _connector(plain), _package(config), warn=console.talk)
        yield Session(ctx, log, report)


@contextmanager
def looking(
    config: Config, note: Callable[[str], None], report: PlainReport | LiveReport
) -> Iterator[Session]:
    """A session that changes nothing: plan and dry run. `note` is told each change that would be made."""
    plain = LocalHost()
    host = DryHost(plain, note)
    journal = Journal(DryHost(plain, lambda _text: None))
    connect = _connector(plain)

    def dry_connect() -> Cluster:
        real = connect() if plain.stat(ADMIN_CONF) is not None else None
        return DryCluster(real if real is not None and real.ready() else None, note)

    ctx = Context(config, host, journal, dry_connect, _package(config), warn=console.talk)
    log = RunLog(LOGS / "none")
    with _log_named(log, report):
        yield Session(ctx, log, report)


def masked_command(config: Config) -> str:
    """This run's command line without its secrets."""
    secrets = _secrets(config)
    words = " ".join(Path(word).name if i == 0 else word for i, word in enumerate(sys.argv))
    for secret in secrets:
        words = words.replace(secret, "***")
    return words


def _connector(host: Host) -> Callable[[], Cluster]:
    opened: list[Cluster] = []

    def connect() -> Cluster:
        from edgeadm.cluster.kube import KubeCluster

        if not opened:
            kubeconfig = host.read(ADMIN_CONF)
            if kubeconfig is None:
                raise UnreachableError(f"{ADMIN_CONF} is not there", hint="has `edgeadm init` finished here?")
            opened.append(KubeCluster(kubeconfig))
        return opened[0]

    return connect


def _package(config: Config) -> OpenPackage | None:
    if not config.install_pkg_path:
        return None
    return OpenPackage.open(open_source(config.install_pkg_path, cache_root() / "packages"), "control-plane")


def _secrets(config: Config) -> set[str]:
    flags = config.kubeadm
    found = {flags.token, flags.certificate_key}
    for document in config.kubeadm_documents:
        found |= {token.get("token") for token in document.get("bootstrapTokens") or []}
        found.add(document.get("certificateKey"))
    return {secret for secret in found if secret}


@contextmanager
def _log_named(log: RunLog, report: PlainReport | LiveReport) -> Iterator[None]:
    try:
        yield
    except EdgeadmError as error:
        error.log = log.written
        raise
    finally:
        report.close()
