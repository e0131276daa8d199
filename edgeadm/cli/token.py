"""`edgeadm token create|list|delete|generate`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from edgeadm import pki
from edgeadm.cli import console, options, pflag
from edgeadm.cli.kubeconfig import open_access
from edgeadm.cluster.access import Access
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
    help=f"Kubeconfig of the cluster. [default: KUBECONFIG, ~/.kube/config, {ADMIN_CONF}]",
)
dry_run_option = click.option("--dry-run", cls=pflag.Switch, help="Print the changes without making them.")


@click.group("token", cls=pflag.Group)
def command() -> None:
    """Create, list and delete bootstrap tokens."""


@command.command()
@click.argument("token", required=False)
@click.option(
    "--print-join-command", cls=pflag.Switch, help="Print the complete `edgeadm join …` command on one line."
)
@click.option("--ttl", default="24h0m0s", show_default=True, help="Lifetime of the token; 0 never expires.")
@click.option("--certificate-key", metavar="KEY", help="Print the join command of another control plane.")
@click.option("--usages", multiple=True, metavar="LIST", help="[default: signing,authentication]")
@click.option("--groups", multiple=True, metavar="LIST", help=f"[default: {tokens.DEFAULT_GROUP}]")
@click.option("--description", default="", metavar="TEXT", help="Description of the token.")
@click.option(
    "--install-pkg-path",
    is_flag=False,
    flag_value=PLACEHOLDER,
    metavar="PATH",
    help="Package path for the join command; a placeholder if omitted.",
)
@kubeconfig_option
@dry_run_option
@options.output_events
def create(output: str, kubeconfig: str | None, dry_run: bool, **given: Any) -> None:
    """Create a bootstrap token in the cluster."""
    _check_join_options(given)
    token = _wanted(given)
    access = open_access(kubeconfig)
    join = _join_command(access, token, given) if given["print_join_command"] else ""
    if dry_run:
        tokens.create(DryCluster(access.cluster, lambda change: console.say(f"would {change}")), token)
    else:
        tokens.create(access.cluster, token)
    if output == "json":
        console.data_json(token.as_dict() | ({"joinCommand": join} if join else {}))
    else:
        console.data(join or token.token)


@command.command("list")
@kubeconfig_option
@click.option("--skip-headers", cls=pflag.Switch, help="Omit the header line.")
@options.output
def list_tokens(kubeconfig: str | None, skip_headers: bool, output: str) -> None:
    """List bootstrap tokens."""
    found = tokens.every(open_access(kubeconfig).cluster)
    if output == "json":
        console.data_json([token.as_dict() for token in found])
        return
    rows = [COLUMNS, *(_row(token) for token in found)]
    for line in console.columns(rows)[skip_headers:]:
        console.data(line)


@command.command()
@click.argument("words", nargs=-1, required=True, metavar="TOKEN|ID...")
@kubeconfig_option
@dry_run_option
@options.output_events
def delete(words: tuple[str, ...], kubeconfig: str | None, dry_run: bool, output: str) -> None:
    """Delete bootstrap tokens."""
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
    """Print a new token without creating it in the cluster."""
    token = str(pki.new_token())
    if output == "json":
        console.data_json({"token": token})
    else:
        console.data(token)


def _check_join_options(given: dict[str, Any]) -> None:
    for flag in ("certificate_key", "install_pkg_path"):
        if given[flag] is not None and not given["print_join_command"]:
            raise UsageError(
                f"`--{flag.replace('_', '-')}` requires a join command",
                hint="add `--print-join-command`",
            )
    key = given["certificate_key"]
    if key is not None and not CERTIFICATE_KEY.fullmatch(key):
        raise ConfigError(
            "--certificate-key: not 32 bytes in hexadecimal",
            hint="`edgeadm init phase upload-certs --upload-certs` prints a new one, valid for two hours",
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
        hint="see `edgeadm token list`",
    )


# kubeadm has `--kubeconfig` and `--dry-run` on all of them (cmd/token.go, persistent flags).
pflag.pair(create, list_tokens, delete, generate)
