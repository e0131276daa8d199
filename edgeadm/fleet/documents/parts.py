"""Parts of documents as dataclasses: the fields are the keys of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

from edgeadm.config.model import key_of
from edgeadm.fleet.documents.errors import SecretInDocumentError
from edgeadm.fleet.documents.faults import Faults, join
from edgeadm.fleet.documents.kinds import Kind, type_of


def key(text: str, kind: Kind, *, required: bool = False, default: Any = None, name: str = "") -> Any:
    """A field that is a key of a document. `text` describes it; an optional key that is not given has the
    value `default`. `name` is the key if it is not the name of the field in camelCase."""
    return field(default=default, metadata={"text": text, "kind": kind, "required": required, "name": name})


@dataclass(frozen=True)
class Body:
    """The base of all parts. `SECRETS` are keys that would hold a secret in clear text, with a hint."""

    SECRETS: ClassVar[Mapping[str, str]] = {}

    def faults(self) -> Iterator[tuple[str, str]]:
        """Faults that concern several keys: a path below this part, and the text."""
        yield from ()


_KEYS: dict[type[Body], dict[str, Field[Any]]] = {}


def keys_of(part: type[Body]) -> dict[str, Field[Any]]:
    """The keys of a part with their fields, in their order."""
    if part in _KEYS:
        return _KEYS[part]
    every = [each for each in fields(part) if "kind" in each.metadata]
    _KEYS[part] = {each.metadata["name"] or key_of(each.name): each for each in every}
    return _KEYS[part]


@dataclass(frozen=True)
class Part(Kind):
    """A mapping whose keys are the fields of a dataclass."""

    body: type[Body]

    def read(self, value: Any, path: str, faults: Faults) -> Any:
        if not isinstance(value, dict):
            faults.add(path, f"expects a mapping, not {type_of(value)}")
            return None
        every = keys_of(self.body)
        found: dict[str, Any] = {}
        before = len(faults.found) + faults.more
        for name, given in value.items():
            if name in self.body.SECRETS:
                faults.add(join(path, name), self.body.SECRETS[name], SecretInDocumentError)
            elif name not in every:
                faults.unknown(path, name, every)
            elif given is None:
                faults.add(join(path, name), "has no value")
            else:
                each = every[name]
                found[each.name] = each.metadata["kind"].read(given, join(path, name), faults)
        for name, each in every.items():
            if each.metadata["required"] and name not in value:
                faults.add(join(path, name), "is required")
        if len(faults.found) + faults.more > before:
            return None
        body = self.body(**found)
        for below, text in body.faults():
            faults.add(join(path, below) if below else path, text)
        return body

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{name_of_part(self.body)}"}


def name_of_part(body: type[Body]) -> str:
    """The name of a part in schemas and in the reference."""
    return body.__name__.removesuffix("Body")
