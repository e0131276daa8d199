"""The published JSON Schemas of documents are those of the code, and the examples are valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edgeadm import yaml_text
from edgeadm.fleet.documents.json_schema import PUBLISHED, schema_of

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = {"nodefleet": "nodefleet.yaml", "nodetask": "nodetask.yaml", "cluster": "superedge_edge.yaml"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_schema_is_up_to_date_and_valid(name: str, request: pytest.FixtureRequest) -> None:
    published = DOCS / "reference" / f"{name}.schema.json"
    text = json.dumps(schema_of(name), indent=2) + "\n"
    if request.config.getoption("--update-golden"):
        published.write_text(text, encoding="utf-8")
    assert published.read_text(encoding="utf-8") == text
    Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_schema_accepts_the_example_and_rejects_an_unknown_key(name: str) -> None:
    validator = Draft202012Validator(schema_of(name))
    for document in yaml_text.load_all((DOCS / "examples" / EXAMPLES[name]).read_text(encoding="utf-8")):
        if (document["apiVersion"], document["kind"]) == ("edgeadm.io/v1alpha1", "NodeFleet"):
            wanted = Draft202012Validator(schema_of("nodefleet"))
        else:
            wanted = validator
        assert [each.message for each in wanted.iter_errors(document)] == []
        assert list(wanted.iter_errors({**document, "spec": {**document["spec"], "adress": "x"}}))
