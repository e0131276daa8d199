"""The command line of verbs made of phases: run all, run one, or show the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from edgeadm.cli import console, options, pflag
from edgeadm.cli.early import refuse_early_options
from edgeadm.cli.phases import OwnPhases, PhaseGroup, kubeadm_names, listing
from edgeadm.cli.plan import show_dry_run, show_plan
from edgeadm.cli.report import choose
from edgeadm.cli.session import Session, changing
from edgeadm.cli.settings import given, setting_options
from edgeadm.config import Config, load, validate
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.phases.edge_apps.values import check_names

Closing = Callable[[Session, int, bool], None]


def summary(verb: str, session: Session, changed: int) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "verb": verb,
        "changed": changed,
        "phases": session.report.outcome.phases,
        "log": session.log.written,
    }


@dataclass(frozen=True)
class WorkflowVerb:
    """A workflow as a command. `closing` prints the result of a complete run."""

    workflow: Workflow
    closing: Closing
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
        config = replace(config, verb=self.name, verbosity=ctx.params.get("verbosity") or 0)
        validate(config, self.name)
        if config.values:
            check_names(config.values, (step.phase.name for step in self.workflow.steps()))
        return config

    def execute(self, ctx: click.Context, only: tuple[str, ...] = ()) -> None:
        """Run the workflow, or only the given phases, with the options."""
        config = self.configured(ctx)
        steps = self.workflow.select(only, self.own_skips(config))
        as_json = ctx.params["output"] == "json"
        if ctx.params["dry_run"]:
            show_dry_run(self.workflow, steps, config, as_json=as_json)
            return
        report = choose()
        with changing(self.name, config, report, journaled=self.journaled) as session:
            changed = Run(self.workflow, session.ctx, report).apply(steps)
            if session.ctx.package is not None:
                session.ctx.package.close()
            if not only:
                self.closing(session, changed, as_json)
            elif as_json:
                console.data_json(summary(self.name, session, changed))

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
