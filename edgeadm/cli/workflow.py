"""What every verb made of phases does with a command line: run it, one phase of it, or show its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from edgeadm.cli import console, pflag
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
    """A run as JSON shows it."""
    return {
        "verb": verb,
        "changed": changed,
        "phases": session.report.outcome.phases,
        "log": session.log.written,
    }


@dataclass(frozen=True)
class WorkflowVerb:
    """A workflow as a command. `closing` says what there is to say after a whole run."""

    workflow: Workflow
    closing: Closing
    # Whether kubeadm has a verb of this name, whose phases can be named as well.
    kubeadm: bool = True
    # What takes changes back goes by the journal, and is not written into it.
    journaled: bool = True
    # The options of the verb that this one comes in a pair with.
    accepts: tuple[click.Parameter, ...] = ()

    @property
    def name(self) -> str:
        return self.workflow.name

    def options(self) -> list[click.Parameter]:
        """What a whole run and a single phase both take."""
        own = [
            click.Option(["--config"], metavar="FILE", envvar="EDGEADM_CONFIG", help="Configuration file."),
            *setting_options(self.name),
            pflag.Switch(["--dry-run"], help="Say what would change, change nothing."),
            pflag.VERBOSITY,
            click.Option(
                ["-o", "--output"],
                type=click.Choice(["text", "json"]),
                default="text",
                envvar="EDGEADM_OUTPUT",
                help="What stdout carries.",
            ),
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
        """Run the workflow, or the phases named, as the options say."""
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
        """Those of `--skip-phases` that are phases of ours. Raises UnknownPhaseError for a name of nobody."""
        names, theirs = self.workflow.names(), kubeadm_names(self.name) if self.kubeadm else []
        for name in config.skip_phases:
            if name not in names and name.removeprefix("kubeadm/") not in theirs:
                raise self.workflow.unknown(name, theirs)
        return [name for name in config.skip_phases if name in names]

    def plan(self, **_options: Any) -> None:
        """Show what each phase would do now, and why; look at everything, change nothing."""
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
            pflag.Command("plan", callback=self.plan, params=self.options(), help=self.plan.__doc__)
        )
        return group
