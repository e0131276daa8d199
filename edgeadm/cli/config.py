"""`edgeadm config print|validate`."""

from __future__ import annotations

from typing import Any

import click

from edgeadm.cli import console, pflag
from edgeadm.cli.init import VERB
from edgeadm.config.load import API, KIND
from edgeadm.config.model import Config, join_settings, key_of, kubeadm_settings, own_settings
from edgeadm.config.secret import unmarked

MASK = "***"


@click.group("config", cls=pflag.Group)
def command() -> None:
    """Print or validate the effective configuration."""


def _print(**_options: Any) -> None:
    """Print the merged configuration as a file for `--config`; without options, the defaults."""
    import yaml

    ctx = click.get_current_context()
    config = VERB.configured(ctx)
    documents = [as_document(config), *(unmarked(each, MASK) for each in config.kubeadm_documents)]
    if ctx.params["output"] == "json":
        console.data_json(documents)
    else:
        console.data(yaml.safe_dump_all(documents, sort_keys=False).rstrip())


def _validate(**_options: Any) -> None:
    """Validate a configuration and print `ok`; the host is not checked."""
    ctx = click.get_current_context()
    VERB.configured(ctx)
    if ctx.params["output"] == "json":
        console.data_json({"valid": True})
    else:
        console.data("ok")


def as_document(config: Config) -> dict[str, Any]:
    """The EdgeConfiguration document of a Config: edgeadm's settings, and kubeadm's if given."""
    document: dict[str, Any] = {"apiVersion": API, "kind": KIND}
    for name in own_settings():
        document[key_of(name)] = _plain(getattr(config, name))
    of_kubeadm = [(name, each, getattr(config.kubeadm, name)) for name, each in kubeadm_settings().items()]
    of_join = [(name, each, getattr(config.join, name)) for name, each in join_settings().items()]
    for name, each, value in (*of_kubeadm, *of_join):
        if value != each.default:
            document[key_of(name)] = MASK if each.metadata.get("secret") else _plain(value)
    return document


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


for _name, _call in (("print", _print), ("validate", _validate)):
    command.add_command(
        pflag.Command(_name, callback=_call, params=VERB.options(events=False), help=_call.__doc__)
    )
