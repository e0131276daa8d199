"""`edgeadm init`, `edgeadm init phase NAME`, `edgeadm init plan`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from edgeadm.cli import console
from edgeadm.cli.closing import show_closing
from edgeadm.cli.phases import PhaseGroup, kubeadm_names
from edgeadm.cli.plan import show_plan
from edgeadm.cli.report import PlainReport, choose
from edgeadm.cli.session import changing, looking
from edgeadm.cli.settings import given, setting_options
from edgeadm.config import Config, load, validate
from edgeadm.config.model import flag_of
from edgeadm.core.runner import Run
from edgeadm.errors import UsageError
from edgeadm.workflows import INIT


def run_options() -> list[click.Parameter]:
    """What a whole run and a single phase both take."""
    return [
        click.Option(["--config"], metavar="FILE", envvar="EDGEADM_CONFIG", help="Configuration file."),
        *setting_options(),
        click.Option(["--dry-run"], is_flag=True, help="Say what would change, change nothing."),
        click.Option(["-v", "--v", "verbosity"], type=int, default=0, help="How much kubeadm says."),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(["text", "json"]),
            default="text",
            envvar="EDGEADM_OUTPUT",
            help="What stdout carries.",
        ),
    ]


def configured(ctx: click.Context) -> Config:
    """The merged and validated configuration of this command line."""
    config = load(ctx.params.get("config"), given(ctx))
    config = replace(config, verbosity=ctx.params.get("verbosity") or 0)
    validate(config)
    return config


def execute(ctx: click.Context, only: tuple[str, ...] = ()) -> None:
    """Run the workflow, or the phases named, as the options say."""
    config = configured(ctx)
    steps = INIT.select(only, own_skips(config))
    as_json = ctx.params["output"] == "json"
    report = choose()
    if ctx.params["dry_run"]:
        changes: list[str] = []

        def note(change: str) -> None:
            changes.append(change)
            if not as_json:
                console.data(f"  would {change}")

        report = PlainReport()
        with looking(config, note, report) as session:
            Run(INIT, session.ctx, report).apply(steps)
        if as_json:
            console.data_json({"verb": "init", "dryRun": True, "changes": changes})
        return
    with changing("init", config, report) as session:
        changed = Run(INIT, session.ctx, report).apply(steps)
        if session.ctx.package is not None:
            session.ctx.package.close()
        if not only:
            show_closing(session, changed, as_json=as_json)


def own_skips(config: Config) -> list[str]:
    """Those of `--skip-phases` that are phases of ours. Raises UnknownPhaseError for a name of nobody."""
    theirs = kubeadm_names()
    for name in config.skip_phases:
        if name not in INIT.names() and name.removeprefix("kubeadm/") not in theirs:
            raise INIT.unknown(name, theirs)
    return [name for name in config.skip_phases if name in INIT.names()]


def refuse_early_options(ctx: click.Context) -> None:
    """`edgeadm init --config f phase x` would silently lose `--config f`."""
    early = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if early:
        raise UsageError(
            f"options stand before `{ctx.invoked_subcommand}`",
            hint=f"put them at the end: `edgeadm init {ctx.invoked_subcommand} … {flag_of(early[0])} …`",
        )


def whole(**_options: Any) -> None:
    """The verb without a sub-command."""
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        execute(ctx)
    else:
        refuse_early_options(ctx)


def plan(**_options: Any) -> None:
    """Show what each phase would do now, and why; look at everything, change nothing."""
    ctx = click.get_current_context()
    config = configured(ctx)
    show_plan(INIT, INIT.select((), own_skips(config)), config, as_json=ctx.params["output"] == "json")


def listing() -> str:
    """The phases, for `--help`."""
    steps = list(INIT.steps())
    width = max(len(step.path) for step in steps)
    return "\n".join(f"  {step.path:<{width}}  {step.phase.summary}" for step in steps)


command = click.Group(
    "init",
    callback=whole,
    invoke_without_command=True,
    params=run_options(),
    help=f"{INIT.summary}\n\n\b\nPhases, for `init phase NAME` and `--skip-phases`:\n{listing()}\n\n"
    "kubeadm's own phase names work in both as well.",
)
command.add_command(PhaseGroup(INIT, run_options, execute))
command.add_command(click.Command("plan", callback=plan, params=run_options(), help=plan.__doc__))
