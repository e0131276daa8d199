"""The JSON Schemas (draft 2020-12) of the documents, from the dataclasses that read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgeadm.fleet.documents import node_fleet, node_task, tke
from edgeadm.fleet.documents.kinds import Either, Kind, ListOf, MapOf
from edgeadm.fleet.documents.parts import Body, Part, keys_of, name_of_part

# The name of each published schema, `docs/reference/NAME.schema.json`, and its documents.
PUBLISHED: Mapping[str, tuple[type[Body], ...]] = {
    "nodefleet": (node_fleet.NodeFleet,),
    "nodetask": (node_task.NodeTask,),
    "cluster": (tke.Cluster, tke.MachineObject),
}


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a published name. Rules that concern several keys, and forms without a pattern, are
    verified by edgeadm only."""
    bodies = PUBLISHED[name]
    every = {name_of_part(each): each for body in bodies for each in bodies_of(body)}
    references = [Part(each).schema() for each in bodies]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": " or ".join(str(keys_of(each)["kind"].metadata["kind"].words[0]) for each in bodies),
        "description": " ".join((bodies[0].__doc__ or "").split()),
        **(references[0] if len(references) == 1 else {"oneOf": references}),
        "$defs": {part: _definition(body) for part, body in every.items()},
    }


def bodies_of(body: type[Body], seen: set[type[Body]] | None = None) -> Iterator[type[Body]]:
    """The part, and all parts below it, each once, in the order of the document."""
    seen = set() if seen is None else seen
    if body in seen:
        return
    seen.add(body)
    yield body
    for each in keys_of(body).values():
        for part in _parts(each.metadata["kind"]):
            yield from bodies_of(part, seen)


def _parts(kind: Kind) -> Iterator[type[Body]]:
    if isinstance(kind, Part):
        yield kind.body
    elif isinstance(kind, ListOf):
        yield from _parts(kind.item)
    elif isinstance(kind, MapOf):
        yield from _parts(kind.values)
    elif isinstance(kind, Either):
        yield from _parts(kind.long)


def _definition(body: type[Body]) -> dict[str, Any]:
    every = keys_of(body)
    required = [name for name, each in every.items() if each.metadata["required"]]
    return {
        "type": "object",
        "description": " ".join((body.__doc__ or "").split()),
        "properties": {
            name: {**each.metadata["kind"].schema(), "description": each.metadata["text"]}
            for name, each in every.items()
        },
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
