"""`edgeadm VERB phase NAME`: one of edgeadm's phases, or one of kubeadm's run by the kubeadm binary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from edgeadm.cli import console, pflag
from edgeadm.cli.report import PlainReport
from edgeadm.cli.session import changing
from edgeadm.config import Config
from edgeadm.core.workflow import Workflow
from edgeadm.kubeadm import compat
from edgeadm.node.kubeadm_documents import CONFIG

Execute = Callable[[click.Context, tuple[str, ...]], None]


def kubeadm_names(verb: str = "init") -> list[str]:
    """Phase names of all supported kubeadm versions; the binary validates them."""
    return compat.every_phase(verb)


def listing(workflow: Workflow) -> str:
    """The phases with their summaries, for `--help`."""
    steps = list(workflow.steps())
    width = max(len(step.path) for step in steps)
    return "\n".join(f"  {step.path:<{width}}  {step.phase.summary}" for step in steps)


class OwnPhases(pflag.Group):
    """edgeadm's phases, by path."""

    def __init__(
        self, workflow: Workflow, options: Callable[[], list[click.Parameter]], execute: Execute
    ) -> None:
        super().__init__("phase", help=f"Run a single phase of `{workflow.name}`.")
        self.workflow, self.options, self.execute = workflow, options, execute

    def others(self) -> list[str]:
        """Accepted names that are not edgeadm's own phases."""
        return []

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [step.path for step in self.workflow.steps()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return self._ours(cmd_name) if cmd_name in self.workflow.names() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None:
            raise self.workflow.unknown(args[0], self.others())
        return super().resolve_command(ctx, args)

    def _ours(self, path: str) -> click.Command:
        def call(**_options: Any) -> None:
            self.execute(click.get_current_context(), (path,))

        summary = next((step.phase.summary for step in self.workflow.steps() if step.path == path), "")
        return pflag.Command(path, callback=call, params=self.options(), help=summary)


class PhaseGroup(OwnPhases):
    """edgeadm's phases by path, then kubeadm's by name."""

    def others(self) -> list[str]:
        return kubeadm_names(self.workflow.name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        ours = super().list_commands(ctx)
        tops = [name for name in self.others() if "/" not in name]
        return ours + [name for name in tops if name not in ours]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        ours = super().get_command(ctx, cmd_name)
        if ours is None and cmd_name in self.others():
            return _kubeadm_phase(self.workflow.name, cmd_name)
        return ours


def _kubeadm_phase(verb: str, name: str) -> click.Command:
    return pflag.Command(
        name,
        callback=partial(_pass_on, verb, name),
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        help=f"kubeadm's own phase: passed to `kubeadm {verb} phase {name}`.",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )


def _pass_on(verb: str, name: str, arguments: tuple[str, ...]) -> None:
    words = [*name.split("/"), *arguments]
    if "--help" in arguments or "-h" in arguments:
        from edgeadm.hosts import LocalHost

        console.data(LocalHost().ask("kubeadm", verb, "phase", *words).checked().out)
        return
    with changing(verb, Config(), PlainReport()) as session:
        host = session.ctx.host
        if (
            verb == "init"
            and not any(word.startswith("--config") for word in words)
            and host.stat(CONFIG) is not None
        ):
            words += ["--config", CONFIG]
        session.ctx.journal.verb, session.ctx.journal.phase = verb, f"kubeadm/{name}"
        host.run("kubeadm", verb, "phase", *words, on_line=console.data)
        session.ctx.journal.complete()
