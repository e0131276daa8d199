"""`${VAR}` in the values of a document: the environment of the command."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from edgeadm.errors import ConfigError
from edgeadm.fleet.documents.errors import UnsetVariableError
from edgeadm.fleet.documents.faults import shown

# `$${` is a literal `${`. A `$` that no `{` follows is a character as any other.
FORM = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expander(environ: Mapping[str, str]) -> Callable[[str], str]:
    """A function that replaces each `${VAR}` of a string. It raises UnsetVariableError if VAR is not set, and
    ConfigError for another text between the braces: defaults and commands of a shell do not exist here."""

    def replaced(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if name is None or not NAME.fullmatch(name):
            raise ConfigError(
                f"`{shown(found[0])}` is not a variable of the form ${{NAME}}",
                hint="write `$${` for a literal `${`",
            )
        if name not in environ:
            raise UnsetVariableError(
                f"the document uses ${{{name}}}, and this variable is not set",
                hint=f"set {name}, or write `$${{{name}}}` for the literal text",
            )
        return environ[name]

    return lambda text: FORM.sub(replaced, text)
