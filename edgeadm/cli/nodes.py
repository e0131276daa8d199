"""`edgeadm nodes plan|add|reset|reinstall|check|status`: many machines from one document."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import click

from edgeadm.cli import console, nodes_import, nodes_options, nodes_tables, options, pflag, stream
from edgeadm.cli.fleet_report import report, wide
from edgeadm.cli.nodes_events import NodesReport, new_report, run_engine
from edgeadm.cli.nodes_options import Asked, asked
from edgeadm.cli.session import world
from edgeadm.errors import ConfigError, UsageError
from edgeadm.fleet.model import Machine
from edgeadm.fleet.progress import Goal
from edgeadm.fleet.run import Order

yes_option = click.option("-y", "--yes", cls=pflag.Switch, help="Do not ask for confirmation.")


@click.group("nodes", cls=pflag.Group)
def command() -> None:
    """Add, check and reset many hosts from one document, over SSH."""


@command.command()
@nodes_options.looking
@options.output_wide
def plan(output: str, **given: Any) -> int:
    """Print the change that each machine needs, without changing one.

    Machines are inspected and checked over SSH. The exit status is 2 if a machine would fail, and 5 if one is
    not reachable.
    """
    return _looked("plan", Goal.PLAN, asked(given), output, given)


@command.command()
@nodes_options.looking
@options.output_wide
def check(output: str, **given: Any) -> int:
    """Check each machine, and machines against each other, without changing one.

    The exit status is 2 if a check failed, and 5 if a machine is not reachable.
    """
    return _looked("check", Goal.CHECK, asked(given), output, given)


@command.command()
@nodes_options.changing
@options.output_wide_events
def add(output: str, **given: Any) -> int:
    """Join the machines of a document to the cluster, all that have not joined.

    May be repeated: machines that have joined are not changed. Ctrl-C starts no further machine and waits;
    the second Ctrl-C leaves, and machines that are joining finish on their own.
    """
    return _changed("add", Goal.ADD, asked(given), output, given)


@command.command()
@nodes_options.changing
@yes_option
@options.output_wide_events
def reinstall(output: str, **given: Any) -> int:
    """Reset machines and join them again.

    The Node is deleted only after its machine was reached, checked, loaded and reset: if one of these steps
    fails, the old node is unchanged.
    """
    found = asked(given)
    found = replace(found, machines=tuple(replace(each, reinstall=True) for each in found.machines))
    confirm("reinstalls", found.machines, given)
    return _changed("reinstall", Goal.ADD, found, output, given)


@command.command()
@nodes_options.changing
@yes_option
@options.output_wide_events
def reset(output: str, **given: Any) -> int:
    """Revert the changes of edgeadm on machines, and delete their Nodes."""
    found = asked(given)
    confirm("resets", found.machines, given)
    return _changed("reset", Goal.RESET, found, output, given)


@command.command()
@nodes_options.file_option
@nodes_options.limit_option
@nodes_options.kubeconfig_option
@options.output_wide
def status(output: str, **given: Any) -> int:
    """Print the last known state of each machine: from the newest run, and from the cluster. No machine is
    contacted."""
    found = asked(given, logs_in=False)
    return nodes_tables.show_status(found, output)


def _looked(verb: str, goal: Goal, found: Asked, output: str, given: dict[str, Any]) -> int:
    """Inspect the machines, and print a table."""
    shown = new_report(quiet=True)
    code = _run(Order(verb, goal, found.fleet, found.machines, stream.current().run), found, shown)
    shown.write_page(given.get("report") or "")
    if output == "json":
        console.data_json(nodes_tables.plan_document(verb, shown.summary()))
    elif output == "wide":
        for line in wide(shown.summary()):
            console.data(line)
    elif goal is Goal.CHECK:
        nodes_tables.show_checks(shown.summary())
    else:
        nodes_tables.show_plan(shown.summary())
    return code


def _changed(verb: str, goal: Goal, found: Asked, output: str, given: dict[str, Any]) -> int:
    """Change the machines, and print the report."""
    if given["dry_run"]:
        return _looked(verb, Goal.PLAN, found, output, given)
    shown = new_report()
    words = ("--yes",) if verb != "add" else ()
    order = Order(
        verb,
        goal,
        found.fleet,
        found.machines,
        stream.current().run,
        given["resume"],
        nodes_options.again(verb, given, words),
    )
    code = _run(order, found, shown)
    shown.write_page(given.get("report") or "")
    summary = shown.summary()
    if output == "json":
        console.data_json(summary.as_dict())
        return code
    for line in wide(summary) if output == "wide" else report(summary):
        console.data(line)
    return code


def _run(order: Order, found: Asked, shown: NodesReport) -> int:
    """Run the engine."""
    stream.current().secrets |= found.secrets
    for each in found.fleet.warnings:
        console.warn(f"{console.WARNING}{each}")
    if not found.machines:
        raise ConfigError("the document has no machine", hint="add one to `machines`")
    return run_engine(order, lambda: world().fleet(found.fleet, found.access), shown)


def confirm(does: str, machines: tuple[Machine, ...], given: dict[str, Any]) -> None:
    """Ask, unless `--yes` or `--dry-run` is given. Raises UsageError without a terminal."""
    if given["yes"] or given["dry_run"]:
        return
    nodes_options.refuse_stdin(given)
    if not sys.stdin.isatty():
        raise UsageError("a confirmation is required, but stdin is not a terminal", hint="add `--yes`")
    names = ", ".join(each.name for each in machines[:10]) + (" …" if len(machines) > 10 else "")
    click.confirm(f"This {does} {len(machines)} machines: {names}. Continue?", abort=True, err=True)


command.add_command(nodes_import.command)
