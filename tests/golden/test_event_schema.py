"""The published JSON Schema of events is the one of the classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edgeadm.core.event_schema import event_schema

PUBLISHED = Path(__file__).parents[2] / "docs/reference/events.schema.json"


def test_the_published_schema_is_up_to_date_and_valid(request: pytest.FixtureRequest) -> None:
    text = json.dumps(event_schema(), indent=2) + "\n"
    if request.config.getoption("--update-golden"):
        PUBLISHED.write_text(text, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == text
    Draft202012Validator.check_schema(json.loads(text))
