"""The command line of verbs made of phases: run all, run one, or show the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from edgeadm.apps.values import check_names
from edgeadm.cli import console, options, pflag
from edgeadm.cli.early import refuse_early_options
from edgeadm.cli.phases import OwnPhases, PhaseGroup, kubeadm_names, listing
from edgeadm.cli.plan import show_dry_run, show_plan
from edgeadm.cli.report import choose
from edgeadm.cli.session import Session, changing
from edgeadm.cli.settings import given, setting_options
from edgeadm.config import Config, load, validate
from edgeadm.core.phase import Verdict
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Step, Workflow


@dataclass(frozen=True)
class Finished:
    """A run after its last phase. `only` are the phases that the command line named, `noted` is the result of
    the verb's `before`."""

    session: Session
    changed: int
    steps: Sequence[Step]
    only: tuple[str, ...]
    as_json: bool
    noted: Any = None


Planned = list[tuple[str, Verdict]]
Before = Callable[[Session, Planned], Any]
After = Callable[[Finished], None]
Closing = Callable[[Session, int, bool], None]


def summary(verb: str, session: Session, changed: int) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "verb": verb,
        "changed": changed,
        "phases": session.report.outcome.phases,
        "log": session.log.written,
    }


def close_with(verb: str, closing: Closing) -> After:
    """Print the result of a complete run with `closing`; a run of a single phase has a result only as
    JSON."""

    def after(run: Finished) -> None:
        if not run.only:
            closing(run.session, run.changed, run.as_json)
        elif run.as_json:
            console.data_json(summary(verb, run.session, run.changed))

    return after


@dataclass(frozen=True)
class WorkflowVerb:
    """A workflow as a command. `after` prints the result of a run. A verb with `before` looks at all phases
    first: `before` gets those that are needed, and may refuse the run; if there is none, no phase runs."""

    workflow: Workflow
    after: After
    before: Before | None = None
    # Whether kubeadm has a verb with this name, whose phases are accepted as well.
    kubeadm: bool = True
    # Verbs that revert changes read the journal and do not write to it.
    journaled: bool = True
    # The options of the counterpart of this verb.
    accepts: tuple[click.Parameter, ...] = ()

    @property
    def name(self) -> str:
        return self.workflow.name

    def options(self, *, events: bool = True) -> list[click.Parameter]:
        """Options of both a complete run and a single phase; without `events`, those of a command that
        changes nothing."""
        own = [
            click.Option(["--config"], metavar="FILE", envvar="EDGEADM_CONFIG", help="Configuration file."),
            *setting_options(self.name),
            pflag.Switch(["--dry-run"], help="Print the changes without making them."),
            pflag.VERBOSITY,
            options.output_option(events=events),
        ]
        return [*own, *pflag.without_effect(own, self.accepts)]

    def configured(self, ctx: click.Context) -> Config:
        """The merged and validated configuration of this command line."""
        config = load(ctx.params.get("config"), given(ctx, self.name))
        config = self.with_run_options(ctx, config)
        validate(config, self.name)
        if config.values:
            check_names(config.values, (step.phase.name for step in self.workflow.steps()))
        return config

    def with_run_options(self, ctx: click.Context, config: Config) -> Config:
        """The configuration with the options that are no settings."""
        return replace(
            config,
            verb=self.name,
            verbosity=ctx.params.get("verbosity") or 0,
            dry_run=bool(ctx.params.get("dry_run")),
        )

    def execute(self, ctx: click.Context, only: tuple[str, ...] = ()) -> None:
        """Run the workflow, or only the given phases, with the options."""
        config = self.configured(ctx)
        steps = self.workflow.select(only, self.own_skips(config))
        as_json = ctx.params["output"] == "json"
        if config.dry_run:
            show_dry_run(self.workflow, steps, config, as_json=as_json)
            return
        report = choose()
        with changing(self.name, config, report, journaled=self.journaled) as session:
            run = Run(self.workflow, session.ctx, report)
            needed, noted = True, None
            if self.before is not None:
                planned = [(path, verdict) for path, verdict in run.plan(steps) if verdict.needed]
                needed, noted = bool(planned), self.before(session, planned)
            changed = run.apply(steps) if needed else 0
            if session.ctx.package is not None:
                session.ctx.package.close()
            self.after(Finished(session, changed, steps, only, as_json, noted))

    def own_skips(self, config: Config) -> list[str]:
        """The names in `--skip-phases` that are edgeadm's phases. Raises UnknownPhaseError for an unknown
        name."""
        names, theirs = self.workflow.names(), kubeadm_names(self.name) if self.kubeadm else []
        for name in config.skip_phases:
            if name not in names and name.removeprefix("kubeadm/") not in theirs:
                raise self.workflow.unknown(name, theirs)
        return [name for name in config.skip_phases if name in names]

    def plan(self, **_options: Any) -> None:
        """Show whether each phase is needed, and why (read-only)."""
        ctx = click.get_current_context()
        config = self.configured(ctx)
        steps = self.workflow.select((), self.own_skips(config))
        show_plan(self.workflow, steps, config, as_json=ctx.params["output"] == "json")

    def whole(self, **_options: Any) -> None:
        """The verb without a sub-command."""
        ctx = click.get_current_context()
        if ctx.invoked_subcommand is None:
            self.execute(ctx)
        else:
            refuse_early_options(ctx, self.name, but=("api_server_endpoint",))

    def command(self, cls: type[pflag.Group] = pflag.Group) -> pflag.Group:
        """The click command with `phase` and `plan` below it."""
        group = cls(
            self.name.rpartition(" ")[2],
            callback=self.whole,
            invoke_without_command=True,
            params=self.options(),
            help=f"{self.workflow.summary}\n\n\b\nPhases, for `{self.name} phase NAME` and `--skip-phases`:\n"
            f"{listing(self.workflow)}"
            + ("\n\nkubeadm's own phase names work in both as well." if self.kubeadm else ""),
        )
        phases = PhaseGroup if self.kubeadm else OwnPhases
        group.add_command(phases(self.workflow, self.options, self.execute))
        group.add_command(
            pflag.Command(
                "plan", callback=self.plan, params=self.options(events=False), help=self.plan.__doc__
            )
        )
        return group
