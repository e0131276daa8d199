"""The JSON Schema (draft 2020-12) of a line that `-o jsonl` writes."""

from __future__ import annotations

from dataclasses import Field, fields
from typing import Any

from edgeadm.core.events import EVENTS, SCHEMA, Event, is_required, key_of

TYPES = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "Sequence": "array"}
UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
HEAD = {
    "schema": {"const": SCHEMA, "description": "The version of this schema."},
    "run": {
        "type": "string",
        "pattern": UUID7,
        "description": "The identifier of the run, also in the log and in the records of the journal.",
    },
    "time": {
        "type": "string",
        "format": "date-time",
        "pattern": "Z$",
        "description": "The time by the clock of the host, RFC 3339, in UTC.",
    },
}


def event_schema() -> dict[str, Any]:
    """The schema: the common fields, then one alternative for each event. Unknown fields are allowed, because
    later versions may add some."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of edgeadm",
        "description": "One line of `edgeadm … -o jsonl`.",
        "type": "object",
        "properties": HEAD,
        "required": [*HEAD, "event"],
        "oneOf": [_alternative(each) for each in EVENTS],
    }


def _alternative(event: type[Event]) -> dict[str, Any]:
    every = fields(event)
    return {
        "title": event.event,
        "description": " ".join((event.__doc__ or "").split()),
        "properties": {"event": {"const": event.event}, **{key_of(each): _field(each) for each in every}},
        "required": ["event", *(key_of(each) for each in every if is_required(each))],
    }


def _field(each: Field[Any]) -> dict[str, Any]:
    known = TYPES.get(str(each.type).partition("[")[0])
    kind = {"type": known} if known else {}
    enum = {"enum": list(each.metadata["enum"])} if "enum" in each.metadata else {}
    return {**kind, **enum, "description": each.metadata["text"]}
