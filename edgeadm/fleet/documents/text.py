"""From the text of a file to plain values, within limits: a YAML reader for documents of strangers.

It reads the events of the parser instead of a tree: aliases, tags, duplicate keys, depth and size are judged
before anything is built, and the only types are strings, numbers, booleans, null, lists and mappings. Times,
binary data, sets, merge keys and Python objects do not exist in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from edgeadm.config.errors import ConfigSyntaxError
from edgeadm.fleet.documents.faults import shown

LARGEST = 16 * 1024 * 1024
DEEPEST = 24
MOST_VALUES = 2_000_000
MOST_DOCUMENTS = 1_000
LONGEST_NUMBER = 40
TAG = "tag:yaml.org,2002:"
SCALARS = ("str", "int", "float", "bool", "null")

Expand = Callable[[str], str]


def read_documents(text: str, source: str, expand: Expand = str) -> list[Any]:
    """The documents of a text, without empty ones. `expand` replaces the variables in a string value; the
    result is never parsed as YAML, except that an unquoted number or boolean keeps its type.

    Raises ConfigSyntaxError for invalid YAML and for each of the limits."""
    import yaml

    if len(text) > LARGEST:
        raise _refused(source, f"it is larger than {LARGEST // 1024 // 1024} MiB")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = list(_Reader(yaml.parse(text, Loader=loader), source, expand).documents())
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ConfigSyntaxError(
            f"`{source}` is not valid YAML",
            context=_where(error),
            hint="check the indentation and the quotes",
        ) from None
    if not found:
        raise ConfigSyntaxError(
            f"`{source}` contains no document", hint="docs/examples/nodefleet.yaml is one"
        )
    return found


def _where(error: Exception) -> str:
    """The problem and its line, without the text around it, which may contain a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "invalid text")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _refused(source: str, reason: str, line: int = 0) -> ConfigSyntaxError:
    return ConfigSyntaxError(
        f"`{source}`{f', line {line}' if line else ''}: {reason}",
        hint="documents contain strings, numbers, booleans, lists and mappings only",
    )


class _Reader:
    """Builds the values of a stream of events."""

    def __init__(self, events: Iterator[Any], source: str, expand: Expand) -> None:
        import yaml

        self.events, self.source, self.expand = iter(events), source, expand
        self.resolver: Any = yaml.SafeLoader("")
        self.values = 0
        self.types: dict[str, str] = {}

    def documents(self) -> Iterator[Any]:
        import yaml

        count = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if count > MOST_DOCUMENTS:
                    raise _refused(self.source, f"it contains more than {MOST_DOCUMENTS} documents")
                value = self.value(next(self.events), 0)
                if value is not None:
                    yield value

    def value(self, event: Any, depth: int) -> Any:
        import yaml

        line = event.start_mark.line + 1
        self.values += 1
        if depth > DEEPEST:
            raise _refused(self.source, f"values are nested deeper than {DEEPEST} levels", line)
        if self.values > MOST_VALUES:
            raise _refused(self.source, f"it contains more than {MOST_VALUES} values", line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(self.source, "anchors and aliases (`&name`, `*name`) are not supported", line)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, line)
        if event.tag not in (None, "!", TAG + "seq", TAG + "map"):
            raise _refused(self.source, f"the tag `{shown(event.tag)}` is not supported", line)
        return self.sequence(depth) if isinstance(event, yaml.SequenceStartEvent) else self.mapping(depth)

    def sequence(self, depth: int) -> list[Any]:
        import yaml

        found = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, depth + 1))
        return found

    def mapping(self, depth: int) -> dict[str, Any]:
        import yaml

        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise _refused(self.source, "a key is not a string", line)
            if event.anchor or event.tag not in (None, "!", TAG + "str"):
                raise _refused(self.source, "a key has an anchor or a tag", line)
            key = event.value
            if key == "<<" and event.implicit[0]:
                raise _refused(self.source, "merge keys (`<<`) are not supported", line)
            if key in found:
                raise _refused(self.source, f"the key `{shown(key)}` occurs twice in a mapping", line)
            found[key] = self.value(next(self.events), depth + 1)
        return found

    def scalar(self, event: Any, line: int) -> Any:
        text = self.expand(event.value) if "$" in event.value else event.value
        if event.tag is not None and event.tag != "!":
            kind = event.tag.removeprefix(TAG)
            if kind not in SCALARS or not event.tag.startswith(TAG):
                raise _refused(self.source, f"the tag `{shown(event.tag)}` is not supported", line)
        elif not event.implicit[0]:
            return text
        else:
            kind = self.kind(text)
        try:
            return self.built(kind, text)
        except ValueError:
            raise _refused(self.source, f"`{shown(text)}` is not a value of its type", line) from None

    def kind(self, text: str) -> str:
        """The type of an unquoted scalar, by the rules of YAML 1.1 except for times and `=`."""
        if len(text) > LONGEST_NUMBER:
            return "str"
        import yaml

        tag = self.resolver.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(TAG)
        return tag if tag in SCALARS else "str"

    def built(self, kind: str, text: str) -> Any:
        if kind == "str":
            return text
        import yaml

        if len(text) > LONGEST_NUMBER:
            raise ValueError("too long")
        build = getattr(self.resolver, f"construct_yaml_{kind}")
        try:
            return build(yaml.ScalarNode(TAG + kind, text))
        except (KeyError, IndexError) as error:
            raise ValueError(kind) from error
