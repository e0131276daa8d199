"""The user's own values for the templates of the components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edgeadm import yaml_text
from edgeadm.core.phase import Context
from edgeadm.errors import ConfigError


def with_theirs(ctx: Context, component: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those that the file of `--values` has for the component. Raises ConfigError."""
    theirs = read(ctx.config.values).get(component) or {} if ctx.config.values else {}
    if not isinstance(theirs, dict):
        raise ConfigError(f"--values: `{component}` is not a mapping of names to values")
    unknown = [str(name) for name in theirs if name not in values]
    if unknown:
        near = get_close_matches(unknown[0], list(values), n=1)
        raise ConfigError(
            f"--values: the template of `{component}` has no {', '.join(f'`{name}`' for name in unknown)}",
            hint=f"did you mean `{near[0]}`?" if near else f"it has {', '.join(sorted(values)) or 'none'}",
        )
    return {**values, **theirs}


def read(path: str) -> dict[str, Any]:
    """The file: component → name → value. Raises ConfigError."""
    import yaml

    try:
        found = yaml_text.load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--values: `{path}` cannot be read as YAML", context=str(error)) from error
    if not isinstance(found, dict):
        raise ConfigError(
            f"--values: `{path}` is not a mapping of component names",
            hint="use a component name such as `tunnel:`, and under it the values to change",
        )
    return found


def check_names(path: str, known: Iterable[str]) -> None:
    """Raises ConfigError where the file has values for what is no component."""
    names = sorted(known)
    unknown = [str(each) for each in read(path) if each not in names]
    if unknown:
        near = get_close_matches(unknown[0], names, n=1)
        raise ConfigError(
            f"--values: there is no component {', '.join(f'`{each}`' for each in unknown)}",
            hint=f"did you mean `{near[0]}`?" if near else f"the components are {', '.join(names)}",
        )
