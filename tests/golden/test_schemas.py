"""Every object that edgeadm renders, held against the strict schemas of the Kubernetes versions that it
drives: an unknown field is as wrong as a missing one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource

from edgeadm.kubeadm.compat import has_admission_policies
from edgeadm.render import Renderer, parse_objects
from tests.golden.test_texts import CASES

VERSIONS = tuple(f"1.{minor}" for minor in range(28, 38))
# Files that hold no objects of the API: programs read them, or they are a part of others.
OTHERS = ("edge/egress.yaml", "addons/api-access.yaml")
MANIFESTS = [
    name for name, (template, _) in CASES.items() if name.endswith(".yaml") and template not in OTHERS
]


@dataclass(frozen=True)
class Schemas:
    """The schemas of one version; the definitions that all of them share are read once."""

    folder: str
    registry: Any

    def faults(self, obj: dict[str, Any]) -> list[str]:
        group, _, version = obj["apiVersion"].rpartition("/")
        api = "-".join(part for part in (group.partition(".")[0], version) if part)
        schema = schema_contents(f"{self.folder}/{obj['kind'].lower()}-{api}.json", "")
        registry = Resource.from_contents(schema) @ self.registry
        validator = Draft202012Validator(schema, registry=registry)
        return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(obj)]


@cache
def schemas(version: str) -> Schemas:
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    definitions = Resource.from_contents(schema_contents(f"{folder}/_definitions.json", version))
    return Schemas(folder, definitions @ Registry())


def objects(name: str) -> list[dict[str, Any]]:
    template, values = CASES[name]
    return parse_objects(Renderer().text(template, values), name)


# The fleet controller requires policies of the API server (kubeadm/compat.py).
FITTING = [
    (name, version)
    for name in MANIFESTS
    for version in VERSIONS
    if name != "fleet-controller.yaml" or has_admission_policies(f"v{version}.0")
]


@pytest.mark.parametrize(("name", "version"), FITTING)
def test_every_object_fits_its_schema(name: str, version: str) -> None:
    for obj in objects(name):
        assert schemas(version).faults(obj) == [], f"{obj['kind']} {obj['metadata']['name']}"


def test_the_schemas_find_a_field_that_does_not_exist_and_one_of_the_wrong_type() -> None:
    deployment = next(each for each in objects("tunnel.yaml") if each["kind"] == "Deployment")
    deployment["spec"]["replica"] = 1
    deployment["spec"]["replicas"] = "one"
    faults = schemas("1.34").faults(deployment)
    assert len(faults) == 2, faults
    assert any("'replica'" in fault or "replica'" in fault for fault in faults)
    assert any("'one'" in fault for fault in faults)
