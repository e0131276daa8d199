"""What every verb made of phases does with a command line: run it, one phase of it, or show its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click
from click.core import ParameterSource

from edgeadm.cli import console
from edgeadm.cli.phases import PhaseGroup, kubeadm_names
from edgeadm.cli.plan import show_plan
from edgeadm.cli.report import PlainReport, choose
from edgeadm.cli.session import Session, changing, looking
from edgeadm.cli.settings import given, setting_options
from edgeadm.config import Config, load, validate
from edgeadm.config.model import flag_of
from edgeadm.core.runner import Run
from edgeadm.core.workflow import Workflow
from edgeadm.errors import UsageError

Closing = Callable[[Session, int, bool], None]


@dataclass(frozen=True)
class WorkflowVerb:
    """A workflow as a command. `closing` says what there is to say after a whole run."""

    workflow: Workflow
    closing: Closing

    @property
    def name(self) -> str:
        return self.workflow.name

    def options(self) -> list[click.Parameter]:
        """What a whole run and a single phase both take."""
        return [
            click.Option(["--config"], metavar="FILE", envvar="EDGEADM_CONFIG", help="Configuration file."),
            *setting_options(self.name),
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

    def configured(self, ctx: click.Context) -> Config:
        """The merged and validated configuration of this command line."""
        config = load(ctx.params.get("config"), given(ctx, self.name))
        config = replace(config, verbosity=ctx.params.get("verbosity") or 0)
        validate(config, self.name)
        return config

    def execute(self, ctx: click.Context, only: tuple[str, ...] = ()) -> None:
        """Run the workflow, or the phases named, as the options say."""
        config = self.configured(ctx)
        steps = self.workflow.select(only, self.own_skips(config))
        as_json = ctx.params["output"] == "json"
        report = choose()
        if ctx.params["dry_run"]:
            changes: list[str] = []

            def note(change: str) -> None:
                changes.append(change)
                if not as_json:
                    console.data(f"  would {change}")

            report = PlainReport()
            with looking(self.name, config, note, report) as session:
                Run(self.workflow, session.ctx, report).apply(steps)
            if as_json:
                console.data_json({"verb": self.name, "dryRun": True, "changes": changes})
            return
        with changing(self.name, config, report) as session:
            changed = Run(self.workflow, session.ctx, report).apply(steps)
            if session.ctx.package is not None:
                session.ctx.package.close()
            if not only:
                self.closing(session, changed, as_json)

    def own_skips(self, config: Config) -> list[str]:
        """Those of `--skip-phases` that are phases of ours. Raises UnknownPhaseError for a name of nobody."""
        names, theirs = self.workflow.names(), kubeadm_names(self.name)
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
            self._refuse_early_options(ctx)

    def command(self, cls: type[click.Group] = click.Group) -> click.Group:
        """The click command with `phase` and `plan` below it."""
        group = cls(
            self.name,
            callback=self.whole,
            invoke_without_command=True,
            params=self.options(),
            help=f"{self.workflow.summary}\n\n\b\nPhases, for `{self.name} phase NAME` and `--skip-phases`:\n"
            f"{self._listing()}\n\nkubeadm's own phase names work in both as well.",
        )
        group.add_command(PhaseGroup(self.workflow, self.options, self.execute))
        group.add_command(
            click.Command("plan", callback=self.plan, params=self.options(), help=self.plan.__doc__)
        )
        return group

    def _refuse_early_options(self, ctx: click.Context) -> None:
        """`edgeadm init --config f phase x` would silently lose `--config f`."""
        early = [
            name
            for name in ctx.params
            if name != "api_server_endpoint" and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        if early:
            raise UsageError(
                f"options stand before `{ctx.invoked_subcommand}`",
                hint=f"put them at the end: "
                f"`edgeadm {self.name} {ctx.invoked_subcommand} … {flag_of(early[0])} …`",
            )

    def _listing(self) -> str:
        steps = list(self.workflow.steps())
        width = max(len(step.path) for step in steps)
        return "\n".join(f"  {step.path:<{width}}  {step.phase.summary}" for step in steps)
