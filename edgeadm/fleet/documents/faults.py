"""The faults of a document, collected, so that one run names all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from edgeadm.config.errors import UnknownKeyError
from edgeadm.errors import ConfigError

# An error prints so many faults; a document with more is a document of another kind.
MOST = 20
SHOWN = 40
HINT = "docs/reference/nodefleet.md describes each key; editors can use the JSON Schema beside it"


@dataclass
class Faults:
    """Collects faults as lines of the form `path: text`."""

    found: list[tuple[type[ConfigError], str]] = field(default_factory=list)
    # Keys that have no effect, each with the reason.
    warnings: list[str] = field(default_factory=list)
    more: int = 0
    # The document of a file with several, such as "document 2: ".
    prefix: str = ""

    def add(self, path: str, text: str, error: type[ConfigError] = ConfigError) -> None:
        """Record a fault at a path; `error` is the class to raise if all faults are of one class."""
        if len(self.found) < MOST:
            self.found.append((error, f"{self.prefix}{path or 'document'}: {text}"))
        else:
            self.more += 1

    def warn(self, path: str, text: str) -> None:
        """Record a key that is valid, and has no effect or another one than its name says."""
        if len(self.warnings) < SHOWN:
            self.warnings.append(f"{self.prefix}{path}: {text}")

    def unknown(self, path: str, key: object, known: Iterable[str]) -> None:
        """Record a key that does not exist, with the nearest known one."""
        name = shown(key)
        near = get_close_matches(name.lower(), [each.lower() for each in known], n=1)
        spelled = next((each for each in known if near and each.lower() == near[0]), "")
        guess = f", did you mean {spelled}?" if spelled else ""
        self.add(join(path, name), f"unknown key{guess}", UnknownKeyError)

    def raise_if_any(self, source: str) -> None:
        """Raise one error for all faults. Its class is that of the faults if they have one class."""
        if not self.found:
            return
        classes = {each for each, _ in self.found}
        error = classes.pop() if len(classes) == 1 else ConfigError
        lines = [line for _, line in self.found]
        if self.more:
            lines.append(f"and {self.more} more")
        if len(lines) == 1:
            raise error(lines[0], hint=HINT)
        count = len(self.found) + self.more
        raise error(f"`{source}` has {count} faults", context="\n".join(lines), hint=HINT)


def join(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key


def shown(value: object) -> str:
    """A value of a document for a message: one line, short, without control characters."""
    text = value if isinstance(value, str) else repr(value)
    clean = "".join(each if each.isprintable() else "?" for each in text[: SHOWN + 1])
    return clean if len(clean) <= SHOWN else clean[:SHOWN] + "…"
