"""Click options made from the fields of Config: one list of settings, not two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field
from typing import Any

import click
from click.core import ParameterSource

from edgeadm.cli import pflag
from edgeadm.config.load import typed
from edgeadm.config.model import flag_of, own_settings, settings_of, variable_of
from edgeadm.errors import ConfigError

GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def setting_options(verb: str) -> list[click.Parameter]:
    """One option, or argument, for every setting of the verb."""
    every = settings_of(verb)
    return [_option(name, each) for name, each in every.items()]


def edgeadm_options(*verbs: str) -> list[click.Parameter]:
    """Names of the verbs' options that are edgeadm's own, not kubeadm's."""
    own = own_settings()
    return [_option(name, each) for verb in verbs for name, each in settings_of(verb).items() if name in own]


def given(ctx: click.Context, verb: str) -> dict[str, Any]:
    """The settings given by flag or variable, by field name, typed. Raises ConfigError."""
    every = settings_of(verb)
    found = {}
    for name, value in ctx.params.items():
        if name in every and ctx.get_parameter_source(name) in GIVEN:
            found[name] = _typed(name, value, every)
    return found


def _typed(name: str, value: Any, every: Mapping[str, Field[Any]]) -> Any:
    kind = str(every[name].type)
    if kind.startswith("tuple"):
        return tuple(part for item in value for part in item.split(",") if part)
    try:
        return typed(value, kind)
    except TypeError as error:
        raise ConfigError(f"{flag_of(name)}: {error}") from error


def _option(name: str, each: Field[Any]) -> click.Parameter:
    if argument := each.metadata.get("argument"):
        return click.Argument([name], required=False, metavar=f"[{argument}]", envvar=variable_of(name))
    kind = str(each.type)
    spelled = [name, *each.metadata.get("flags", (flag_of(name),))]
    shown: dict[str, Any] = {"help": each.metadata["help"], "envvar": variable_of(name)}
    if kind.startswith("tuple"):
        return click.Option(spelled, multiple=True, metavar="LIST", **shown)
    if kind == "bool":
        return pflag.Switch(spelled, default=bool(each.default), **shown)
    shown["metavar"] = each.metadata.get("metavar")
    default = each.default if each.default not in (None, "") else None
    if kind.startswith("int"):
        return click.Option(spelled, type=int, default=default, **shown)
    return click.Option(spelled, default=default, show_default=default is not None, **shown)
