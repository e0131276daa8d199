"""Reading YAML: one loader for the whole program, the fast one if PyYAML was built with libyaml.

PyYAML's own parser takes a third of the time of an `init` in memory. The parser of libyaml reads the same
documents and raises the same errors."""

from __future__ import annotations

from typing import Any


def load(text: str | bytes) -> Any:
    """The single document of a text, None if it is empty. Raises yaml.YAMLError."""
    import yaml

    return yaml.load(text, Loader=_loader())  # noqa: S506  a safe loader


def load_all(text: str | bytes) -> list[Any]:
    """Every document of a text, in order; empty ones are None. Raises yaml.YAMLError."""
    import yaml

    return list(yaml.load_all(text, Loader=_loader()))


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
