"""`edgeadm token create|list|delete|generate`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from edgeadm import pki
from edgeadm.cli import console, options, pflag
from edgeadm.cli.kubeconfig import Access, open_access
from edgeadm.cluster.dry import DryCluster
from edgeadm.config.kubeadm_defaults import ADMIN_CONF
from edgeadm.config.validate import CERTIFICATE_KEY
from edgeadm.errors import ConfigError, UsageError
from edgeadm.kubeadm import tokens

PLACEHOLDER = "<Path of package>"
COLUMNS = ("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")

kubeconfig_option = click.option(
    "--kubeconfig",
    metavar="FILE",
    help=f"How the cluster is reached. [default: KUBECONFIG, ~/.kube/config, {ADMIN_CONF}]",
)
dry_run_option = click.option("--dry-run", cls=pflag.Switch, help="Say what would change, change nothing.")


@click.group("token", cls=pflag.Group)
def command() -> None:
    """Make, list and delete the tokens that nodes join with."""


@command.command()
@click.argument("token", required=False)
@click.option("--print-join-command", cls=pflag.Switch, help="Print the whole `edgeadm join …`, on one line.")
@click.option("--ttl", default="24h0m0s", show_default=True, help="How long it is valid; 0 for ever.")
@click.option("--certificate-key", metavar="KEY", help="Print the command for a further control plane.")
@click.option("--usages", multiple=True, metavar="LIST", help="[default: signing,authentication]")
@click.option("--groups", multiple=True, metavar="LIST", help=f"[default: {tokens.DEFAULT_GROUP}]")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--install-pkg-path",
    is_flag=False,
    flag_value=PLACEHOLDER,
    metavar="PATH",
    help="Add this to the join command; a placeholder where no path is given.",
)
@kubeconfig_option
@dry_run_option
@options.output
def create(output: str, kubeconfig: str | None, dry_run: bool, **given: Any) -> None:
    """Make a token, with this value if one is given, and put it into the cluster."""
    _check_join_options(given)
    token = _wanted(given)
    access = open_access(kubeconfig)
    join = _join_command(access, token, given) if given["print_join_command"] else ""
    if dry_run:
        tokens.create(DryCluster(access.cluster, lambda change: console.talk(f"would {change}")), token)
    else:
        tokens.create(access.cluster, token)
    if output == "json":
        console.data_json(token.as_dict() | ({"joinCommand": join} if join else {}))
    else:
        console.data(join or token.token)


@command.command("list")
@kubeconfig_option
@click.option("--skip-headers", cls=pflag.Switch, help="Leave out the line with the names of the columns.")
@options.output
def list_tokens(kubeconfig: str | None, skip_headers: bool, output: str) -> None:
    """List the cluster's tokens."""
    found = tokens.every(open_access(kubeconfig).cluster)
    if output == "json":
        console.data_json([token.as_dict() for token in found])
        return
    rows = [COLUMNS, *(_row(token) for token in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows[skip_headers:]:
        console.data("   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


@command.command()
@click.argument("words", nargs=-1, required=True, metavar="TOKEN|ID...")
@kubeconfig_option
@dry_run_option
@options.output
def delete(words: tuple[str, ...], kubeconfig: str | None, dry_run: bool, output: str) -> None:
    """Delete tokens: whoever has not joined with them by now cannot any more."""
    ids = [tokens.id_of(word) for word in dict.fromkeys(words)]
    access = open_access(kubeconfig)
    known = {token.token_id for token in tokens.every(access.cluster)}
    unknown = [each for each in ids if each not in known]
    if unknown:
        _no_such(unknown)
    for each in ids:
        if not dry_run:
            tokens.delete(access.cluster, each)
        if output == "text":
            console.data(f'bootstrap token "{each}" {"would be " if dry_run else ""}deleted')
    if output == "json":
        console.data_json({"deleted": [] if dry_run else ids, "dryRun": dry_run})


@command.command()
@options.output
def generate(output: str) -> None:
    """Print a new token; the cluster is not told of it."""
    token = str(pki.new_token())
    if output == "json":
        console.data_json({"token": token})
    else:
        console.data(token)


def _check_join_options(given: dict[str, Any]) -> None:
    for flag in ("certificate_key", "install_pkg_path"):
        if given[flag] is not None and not given["print_join_command"]:
            raise UsageError(
                f"`--{flag.replace('_', '-')}` is part of a join command, and none was asked for",
                hint="add `--print-join-command`",
            )
    key = given["certificate_key"]
    if key is not None and not CERTIFICATE_KEY.fullmatch(key):
        raise ConfigError(
            "--certificate-key: not 32 bytes in hexadecimal",
            hint="`edgeadm init phase upload-certs --upload-certs` prints one that is valid for two hours",
        )


def _wanted(given: dict[str, Any]) -> tokens.BootstrapToken:
    token_id, secret = tokens.split(given["token"] or str(pki.new_token()))
    life = tokens.lifetime(given["ttl"])
    usages = _parts(given["usages"]) or tokens.USAGES
    groups = _parts(given["groups"])
    if not given["groups"] and "authentication" in usages:
        groups = (tokens.DEFAULT_GROUP,)
    tokens.check_usages(usages, groups)
    expires = datetime.now(UTC) + life if life else None
    return tokens.BootstrapToken(token_id, secret, expires, usages, groups, given["description"])


def _join_command(access: Access, token: tokens.BootstrapToken, given: dict[str, Any]) -> str:
    words = ["edgeadm", "join", access.endpoint(), "--token", token.token]
    words += ["--discovery-token-ca-cert-hash", pki.discovery_hash(access.authority())]
    if given["certificate_key"]:
        words += ["--control-plane", "--certificate-key", given["certificate_key"]]
    if given["install_pkg_path"] is not None:
        words += ["--install-pkg-path", given["install_pkg_path"]]
    return shlex.join(words)


def _row(token: tokens.BootstrapToken) -> tuple[str, ...]:
    left, expires = "<forever>", "<never>"
    if token.expires is not None:
        left, expires = tokens.short(token.expires - datetime.now(UTC)), tokens.rfc3339(token.expires)
    words = (",".join(token.usages), token.description, ",".join(token.groups))
    return (token.token, left, expires, *(word or "<none>" for word in words))


def _parts(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for value in values for part in value.split(",") if part)


def _no_such(ids: list[str]) -> NoReturn:
    raise tokens.NoSuchTokenError(
        f"there is no token {', '.join(f'`{each}`' for each in ids)}; none was deleted",
        hint="`edgeadm token list` shows all",
    )


# kubeadm has `--kubeconfig` and `--dry-run` on all of them (cmd/token.go, persistent flags).
pflag.pair(create, list_tokens, delete, generate)
