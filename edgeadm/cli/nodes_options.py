"""The options of `edgeadm nodes`, and the fleet that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click

from edgeadm.cli import pflag
from edgeadm.cli.kubeconfig import open_access
from edgeadm.cluster.access import Access
from edgeadm.config.secret import secrets_in
from edgeadm.errors import ConfigError, UsageError
from edgeadm.fleet.documents import Options, load_fleet
from edgeadm.fleet.documents.kinds import RATES, limit_of, measured
from edgeadm.fleet.model import Fleet, Limit, Machine
from edgeadm.fleet.select import select
from edgeadm.fleet.surroundings import with_credentials

F = TypeVar("F", bound=Callable[..., Any])
MOST = 1000

file_option = click.option(
    "-f",
    "--file",
    "file",
    required=True,
    metavar="FILE",
    help="Document of the fleet: a NodeFleet, NodeTask or Cluster; `-` is stdin.",
)
limit_option = click.option(
    "--limit",
    multiple=True,
    metavar="SELECTOR",
    help="Only these machines: names, addresses, groups, sites, patterns, `role=…` or LABEL=VALUE, separated "
    "by commas; `!` excludes.",
)
kubeconfig_option = click.option(
    "--kubeconfig",
    metavar="FILE",
    help="Kubeconfig of the cluster. [default: that of the document, then KUBECONFIG]",
)
concurrency_option = click.option(
    "--concurrency", type=int, metavar="N", help="Machines at the same time. [default: 64]"
)
reinstalled_option = click.option(
    "--reinstalled",
    multiple=True,
    metavar="NODE",
    help="Accept the new host key of this machine once, because its system was reinstalled.",
)
via_option = click.option(
    "--via",
    metavar="USER@HOST:PORT",
    help="Jump host for the machines of a NodeTask, instead of its `proxyNode`.",
)
report_option = click.option("--report", metavar="FILE.html", help="Write a report page.")
changing_options = (
    click.option(
        "--max-failures", metavar="N|P%", help="Start no further machine if more than these failed."
    ),
    click.option(
        "--max-unreachable",
        metavar="N|P%",
        help="Start no further machine if more than these are not reachable.",
    ),
    click.option(
        "--resume", cls=pflag.Switch, help="Continue the newest run: only machines that are not finished."
    ),
    click.option("--dry-run", cls=pflag.Switch, help="Print the plan without changing a machine."),
    click.option(
        "--site-bandwidth",
        metavar="RATE",
        help="Limit of the WAN of each site, such as 10Mbit or 2MiB per second.",
    ),
)


def looking(func: F) -> F:
    """The options of verbs that only look."""
    for option in (
        report_option,
        reinstalled_option,
        via_option,
        concurrency_option,
        kubeconfig_option,
        limit_option,
        file_option,
    ):
        func = option(func)
    return func


def changing(func: F) -> F:
    """The options of verbs that change machines."""
    for option in reversed(changing_options):
        func = option(func)
    return looking(func)


@dataclass(frozen=True)
class Asked:
    """The fleet of the command line, the machines that it selects, and the cluster, if there is one."""

    fleet: Fleet
    machines: tuple[Machine, ...]
    access: Access | None

    @property
    def secrets(self) -> set[str]:
        """All secrets of the document, to be masked in events."""
        return {each for each in secrets_in(self.fleet) if each}


def asked(given: Mapping[str, Any], *, connect: bool = True, logs_in: bool = True) -> Asked:
    """The fleet with the options of the command line. `connect` tells that a cluster is required, `logs_in`
    that the machines are contacted.

    Raises ConfigError, SelectorError, KubeconfigError, CredentialsMissingError."""
    fleet = load_fleet(given["file"], Options(ask=_prompt, via=given.get("via") or ""))
    limits = fleet.limits
    if given.get("concurrency") is not None:
        limits = replace(limits, concurrency=_concurrency(given["concurrency"]))
    if given.get("max_failures"):
        limits = replace(limits, max_failures=_limit("max-failures", given["max_failures"]))
    if given.get("max_unreachable"):
        limits = replace(limits, max_unreachable=_limit("max-unreachable", given["max_unreachable"]))
    fleet = replace(fleet, limits=limits)
    if given.get("site_bandwidth"):
        rate = _rate(given["site_bandwidth"])
        fleet = replace(
            fleet, sites={name: replace(site, bandwidth=rate) for name, site in fleet.sites.items()}
        )
    access = open_access(given.get("kubeconfig") or fleet.cluster.kubeconfig or None) if connect else None
    if access is not None and logs_in:
        fleet = with_credentials(fleet, access)
    fleet = _reinstalled(fleet, given.get("reinstalled") or ())
    return Asked(fleet, select(fleet.machines, given.get("limit") or ()), access)


def _prompt(text: str) -> str:
    answer: str = click.prompt(text, hide_input=True, err=True)
    return answer


def _reinstalled(fleet: Fleet, names: tuple[str, ...]) -> Fleet:
    """The fleet in which these machines may have a new host key."""
    known = {each.name for each in fleet.machines}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"--reinstalled: the document has no machine `{unknown[0]}`",
            hint="pass the name of one machine; the option may be repeated",
        )

    def accepted(machine: Machine) -> Machine:
        keys = replace(machine.target.host_keys, reinstalled=True)
        return replace(machine, target=replace(machine.target, host_keys=keys))

    machines = tuple(accepted(each) if each.name in names else each for each in fleet.machines)
    return replace(fleet, machines=machines)


def _concurrency(number: int) -> int:
    if not 1 <= number <= MOST:
        raise ConfigError(f"--concurrency: {number} is not from 1 to {MOST}", hint="64 is the default")
    return number


def _limit(name: str, text: str) -> Limit:
    found = limit_of(text)
    if found is None:
        raise ConfigError(
            f"--{name}: `{text}` is neither a number nor a percentage", hint="use a value such as 3 or 10%"
        )
    return found


def _rate(text: str) -> int:
    found = measured(text, RATES)
    if not found:
        raise ConfigError(
            f"--site-bandwidth: `{text}` is not a rate",
            hint=f"use a value such as 10Mbit (units: {', '.join(RATES)})",
        )
    return int(found)


def again(verb: str, given: Mapping[str, Any], words: tuple[str, ...] = ()) -> str:
    """The command that continues a run, for a shell."""
    import shlex

    line = ["edgeadm", "nodes", verb, "-f", given["file"]]
    for each in given.get("limit") or ():
        line += ["--limit", each]
    for name in ("kubeconfig", "concurrency", "max_failures", "max_unreachable", "site_bandwidth"):
        if given.get(name) is not None:
            line += [f"--{name.replace('_', '-')}", str(given[name])]
    return shlex.join([*line, "--resume", *words])


def refuse_stdin(given: Mapping[str, Any]) -> None:
    """A prompt needs stdin: raises UsageError if the document is read from there."""
    if given["file"] == "-":
        raise UsageError("a confirmation is required, but stdin is the document", hint="add `--yes`")
