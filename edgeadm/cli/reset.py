"""`edgeadm reset`, `edgeadm reset phase NAME`, `edgeadm reset plan`."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import Any

import click
from click.core import ParameterSource

from edgeadm.cli import console, options, pflag
from edgeadm.cli.early import refuse_early_options
from edgeadm.cli.phases import OwnPhases, listing
from edgeadm.cli.plan import show_dry_run, show_plan
from edgeadm.cli.report import choose
from edgeadm.cli.session import Session, changing
from edgeadm.cli.settings import edgeadm_options
from edgeadm.config import Config
from edgeadm.config.load import read_documents
from edgeadm.config.model import KubeadmDocument, ResetOptions
from edgeadm.core.phase import Verdict
from edgeadm.core.runner import Run
from edgeadm.errors import EdgeadmError
from edgeadm.phases.reset import knowledge, residue
from edgeadm.workflows import RESET


class UnconfirmedError(EdgeadmError):
    """The removal was not confirmed."""

    code = "unconfirmed"


def run_options(*, events: bool = True) -> list[click.Parameter]:
    """Options of both a complete run and a single phase."""
    own = [
        pflag.Switch(["-f", "--force"], help="Skip confirmation."),
        click.Option(["--config"], metavar="FILE", help="File with a ResetConfiguration."),
        pflag.Switch(["--keep-node-object"], help="Do not delete the node from the cluster."),
        pflag.Switch(["--keep-logs"], help="Keep edgeadm's logs in /var/log/edgeadm."),
        click.Option(
            ["--cert-dir"], metavar="DIR", help="Directory of the certificates; detected if not set."
        ),
        click.Option(
            ["--cri-socket"], metavar="PATH", help="Socket of the container runtime; detected if not set."
        ),
        click.Option(["--kubeconfig"], metavar="FILE", help="Passed to kubeadm reset."),
        pflag.Switch(["--cleanup-tmp-dir"], help="Passed to kubeadm reset."),
        click.Option(
            ["--ignore-preflight-errors"], multiple=True, metavar="LIST", help="Passed to kubeadm reset."
        ),
        click.Option(["--skip-phases"], multiple=True, metavar="LIST", help="Phases to skip."),
        pflag.Switch(["--dry-run"], help="Print the changes without making them."),
        pflag.VERBOSITY,
        options.output_option(events=events),
    ]
    return [*own, *pflag.without_effect(own, edgeadm_options("init", "join"))]


def configured(ctx: click.Context) -> Config:
    """The options of this command line."""
    given = ctx.params
    theirs = _document(given["config"])
    asked = ResetOptions(
        given["keep_node_object"],
        given["cert_dir"] or str(theirs.get("certificatesDir") or ""),
        given["cri_socket"] or str(theirs.get("criSocket") or ""),
        _parts(given["ignore_preflight_errors"]) or tuple(theirs.get("ignorePreflightErrors") or ()),
        given["kubeconfig"] or "",
        _switched(ctx, "cleanup_tmp_dir", theirs.get("cleanupTmpDir")),
        _switched(ctx, "force", theirs.get("force")),
        _switched(ctx, "dry_run", theirs.get("dryRun")),
    )
    skipped = _parts(given["skip_phases"]) or tuple(theirs.get("skipPhases") or ())
    return replace(Config(), reset=asked, verbosity=given["verbosity"], skip_phases=skipped)


def _switched(ctx: click.Context, name: str, theirs: object) -> bool:
    """A switch: as given on the command line, else as in the document."""
    given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    return bool(ctx.params[name] if given else theirs)


def _document(file: str | None) -> KubeadmDocument:
    """kubeadm's ResetConfiguration in the file, or an empty mapping; flags override it. The file may contain
    other documents. Raises ConfigError."""
    documents = read_documents(file) if file else ()
    return next((each for each in documents if each.get("kind") == "ResetConfiguration"), {})


def execute(ctx: click.Context, only: tuple[str, ...] = ()) -> None:
    """Run the workflow, or only the given phases, with the options."""
    config = configured(ctx)
    steps = RESET.select(only, config.skip_phases)
    as_json = ctx.params["output"] == "json"
    if config.reset.dry_run:
        show_dry_run(RESET, steps, config, as_json=as_json)
        return
    report = choose()
    with changing("reset", config, report, journaled=False) as session:
        run = Run(RESET, session.ctx, report)
        planned = [(path, verdict) for path, verdict in run.plan(steps) if verdict.needed]
        witness = residue.look(session.ctx)
        if planned and not config.reset.force:
            _confirm(planned)
        if witness.lost:
            console.warn(f"warning: {knowledge.LOST}")
        changed = run.apply(steps) if planned else 0
        found = residue.find(session.ctx, witness)
        if not ctx.params["keep_logs"] and not only:
            session.log.discard()
        _show(session, changed, found, as_json=as_json, whole=len(steps) == len(list(RESET.steps())))


def _confirm(planned: list[tuple[str, Verdict]]) -> None:
    """Print the table of what is removed, and ask. Raises UnconfirmedError unless the answer is yes."""
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


def _show(session: Session, changed: int, found: list[residue.Left], *, as_json: bool, whole: bool) -> None:
    if as_json:
        console.data_json(
            {
                "verb": "reset",
                "changed": changed,
                "phases": session.report.outcome.phases,
                "residue": [asdict(each) for each in found],
            }
        )
        return
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


def whole(**_options: Any) -> None:
    """The verb without a sub-command."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        execute(ctx)
        return
    refuse_early_options(ctx, RESET.name)


def plan(**_options: Any) -> None:
    """Show whether each phase is needed, and why (read-only)."""
    ctx = click.get_current_context()
    config = configured(ctx)
    show_plan(RESET, RESET.select((), config.skip_phases), config, as_json=ctx.params["output"] == "json")


def _parts(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for value in values for part in value.split(",") if part)


command = pflag.Group(
    "reset",
    callback=whole,
    invoke_without_command=True,
    params=run_options(),
    help=f"{RESET.summary}\n\n\b\nPhases, for `reset phase NAME` and `--skip-phases`:\n{listing(RESET)}",
)
command.add_command(OwnPhases(RESET, run_options, execute))
command.add_command(pflag.Command("plan", callback=plan, params=run_options(events=False), help=plan.__doc__))
