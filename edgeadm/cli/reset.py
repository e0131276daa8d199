"""`edgeadm reset`, `edgeadm reset phase NAME`, `edgeadm reset plan`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
from click.core import ParameterSource

from edgeadm.cli import console
from edgeadm.cli.session import Session
from edgeadm.cli.settings import edgeadm_options, given
from edgeadm.cli.workflow import Finished, Planned, WorkflowVerb
from edgeadm.config import Config, load
from edgeadm.config.load import read_documents, typed
from edgeadm.config.model import KubeadmDocument, settings_of
from edgeadm.errors import ConfigError, EdgeadmError
from edgeadm.node import leftovers, ownership
from edgeadm.workflows import RESET

# Keys of kubeadm's ResetConfiguration (v1beta4) → options of ours.
THEIRS = {
    "certificatesDir": "cert_dir",
    "cleanupTmpDir": "cleanup_tmp_dir",
    "criSocket": "cri_socket",
    "dryRun": "dry_run",
    "force": "force",
    "ignorePreflightErrors": "ignore_preflight_errors",
    "skipPhases": "skip_phases",
}


class UnconfirmedError(EdgeadmError):
    """The removal was not confirmed."""

    code = "unconfirmed"


@dataclass(frozen=True)
class ResetVerb(WorkflowVerb):
    """Reset also reads kubeadm's ResetConfiguration, after edgeadm's own document."""

    def configured(self, ctx: click.Context) -> Config:
        """The settings of reset. Other keys of the file are not used: reset neither opens a package nor
        requires the files that the keys name."""
        file = ctx.params.get("config")
        theirs = _options(_document(file))
        merged = load(file, given(ctx, self.name), theirs)
        config = self.with_run_options(
            ctx, replace(Config(), reset=merged.reset, skip_phases=merged.skip_phases)
        )
        on_command_line = ctx.get_parameter_source("dry_run") is ParameterSource.COMMANDLINE
        return config if on_command_line else replace(config, dry_run=bool(theirs.get("dry_run")))


def _document(file: str | None) -> KubeadmDocument:
    """kubeadm's ResetConfiguration in the file, or an empty mapping. The file may contain other documents.
    Raises ConfigError."""
    documents = read_documents(file) if file else ()
    return next((each for each in documents if each.get("kind") == "ResetConfiguration"), {})


def _options(document: KubeadmDocument) -> dict[str, Any]:
    """The values of a ResetConfiguration by the name of the option. Raises ConfigError for a value of the
    wrong type."""
    every, found = settings_of(RESET.name), {}
    for key, name in THEIRS.items():
        if document.get(key) is not None:
            kind = str(every[name].type) if name in every else "bool"
            try:
                found[name] = typed(document[key], kind)
            except TypeError as error:
                raise ConfigError(f"ResetConfiguration: {key}: {error}", hint="correct the file") from error
    return found


def confirm(session: Session, planned: Planned) -> leftovers.Witness:
    """Before the first phase: record what only the journal knows, and ask unless `--force` was given. Raises
    UnconfirmedError unless the answer is yes."""
    witness = leftovers.look(session.ctx)
    if planned and not session.ctx.config.reset.force:
        _ask(planned)
    if witness.lost:
        console.warn(f"warning: {ownership.LOST}")
    return witness


def _ask(planned: Planned) -> None:
    """Print the table of what is removed, and ask."""
    width = max(len(path) for path, _ in planned)
    for path, verdict in planned:
        console.talk(f"{path:<{width}}  {verdict.reason}")
    if not sys.stdin.isatty():
        raise UnconfirmedError(
            "reset was not confirmed, and stdin is not a terminal",
            hint="skip the confirmation with `--force`; `edgeadm reset plan` shows what would be removed",
        )
    if not click.confirm("Remove all of this from this host?", err=True):
        raise UnconfirmedError("reset was not confirmed; nothing was changed", hint="answer `y` to confirm")


def show(run: Finished) -> None:
    """Print the result, and the leftovers that edgeadm does not own. A complete run deletes the logs."""
    session = run.session
    found = leftovers.find(session.ctx, run.noted)
    if not session.ctx.config.reset.keep_logs and not run.only:
        session.log.discard()
    if run.as_json:
        console.data_json(
            {
                "verb": RESET.name,
                "changed": run.changed,
                "phases": session.report.outcome.phases,
                "residue": [asdict(each) for each in found],
            }
        )
    else:
        _show_text(run.changed, found, whole=len(run.steps) == len(list(RESET.steps())))


def _show_text(changed: int, found: Iterable[leftovers.Left], *, whole: bool) -> None:
    if not whole:
        console.talk(f"phases that changed something: {changed}; other phases were skipped")
    elif not changed:
        console.talk("nothing to do: edgeadm has changed nothing on this host")
    else:
        console.data("This host is in its state before edgeadm.")
    if found:
        console.data("Left on this host, because edgeadm does not own it:")
        for each in found:
            console.data(f"  {each.what}: {each.reason}")


VERB = ResetVerb(
    RESET,
    show,
    confirm,
    kubeadm=False,
    journaled=False,
    accepts=tuple(edgeadm_options("init", "join")),
)
command = VERB.command()
