"""The command line: one module per verb, imported on demand so that `edgeadm version` starts quickly."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from edgeadm import __version__
from edgeadm.cli import pflag
from edgeadm.errors import UsageError

# Verb → module with its click command `command`.
VERBS = {
    "init": "edgeadm.cli.init",
    "join": "edgeadm.cli.join",
    "token": "edgeadm.cli.token",
    "reset": "edgeadm.cli.reset",
    "addon": "edgeadm.cli.addon",
    "detach": "edgeadm.cli.detach",
    "nodes": "edgeadm.cli.nodes",
    "apply": "edgeadm.cli.apply",
    "get": "edgeadm.cli.get",
    "certs": "edgeadm.cli.certs",
    "check": "edgeadm.cli.check",
    "drill": "edgeadm.cli.drill",
    "config": "edgeadm.cli.config",
    "manifests": "edgeadm.cli.manifests",
    "package": "edgeadm.cli.package",
    "sandbox": "edgeadm.cli.sandbox",
    "completion": "edgeadm.cli.completion",
    "version": "edgeadm.cli.version",
}

# Verbs of machines and Pods, which edgeadm itself calls: neither help nor completion shows them.
HIDDEN = {
    "fleet-serve": "edgeadm.cli.fleet_serve",
    "fleet-controller": "edgeadm.cli.fleet_controller",
    "fleet-job": "edgeadm.cli.fleet_job",
    "fleet-cluster": "edgeadm.cli.fleet_cluster",
}

# Summaries for `edgeadm --help`, which does not import all verbs. A test compares them with the commands'
# own.
SUMMARIES = {
    "init": "Set up the control plane of a cluster on this host.",
    "join": "Join this host to a cluster as a node.",
    "token": "Create, list and delete bootstrap tokens.",
    "reset": "Uninstall: revert everything that edgeadm changed on this host.",
    "addon": "Add edge components to an existing cluster.",
    "detach": "Remove edge components from a cluster.",
    "nodes": "Add, check and reset many hosts from one document, over SSH.",
    "apply": "Create a cluster from a document, or bring it to the state of the document.",
    "get": "Show the clusters that `edgeadm apply` created.",
    "certs": "Check and renew the edge components' certificates.",
    "check": "Check a node (read-only).",
    "drill": "Rehearse an outage on this edge node.",
    "config": "Print or validate the effective configuration.",
    "manifests": "Write edgeadm's templates to a directory, to edit and pass back with `--manifests-dir`.",
    "package": "Build, list and verify offline packages.",
    "sandbox": "Run disposable test nodes on this host, on an isolated network.",
    "completion": "Print the shell completion script.",
    "version": "Print the version of edgeadm.",
}


class Verbs(pflag.Group):
    """Imports a verb's module only when that verb runs or shows its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = (VERBS | HIDDEN).get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes verbs and options without importing a verb's module."""
        verbs = [
            CompletionItem(name, help=summary)
            for name, summary in SUMMARIES.items()
            if name.startswith(incomplete)
        ]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click; `create token` is read as `token create`, and an unknown verb is answered with the
        closest match."""
        args = self._noun_first(ctx, args)
        word = args[0]
        if word not in VERBS | HIDDEN and not word.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(word, VERBS, n=1)
            hint = f"did you mean `edgeadm {near[0]}`?" if near else "see `edgeadm --help`"
            raise UsageError(f"`{word}` is not a command of edgeadm", hint=hint)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As in click; a misplaced option is answered with a verb that may accept it."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise UsageError(
                f"`{error.option_name}` is not a global option",
                hint=(
                    f"put it after a command, as in `edgeadm init {error.option_name} …`; see `edgeadm "
                    "--help`"
                ),
            ) from error

    def _noun_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[0] in VERBS or len(args) < 2 or args[1] not in VERBS:
            return args
        group = self.get_command(ctx, args[1])
        below = isinstance(group, click.Group) and args[0] in group.list_commands(ctx)
        return [args[1], args[0], *args[2:]] if below else args


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgeadm", message="%(prog)s %(version)s")
def root() -> None:
    """Create and manage Kubernetes clusters with edge nodes."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command line and exit with its status; all failures are printed in one form."""
    from edgeadm.cli.outcome import run

    sys.exit(run(root, argv))
