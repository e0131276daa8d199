"""Templates to text, text to documents, documents to objects that carry our label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeadm import yaml_text
from edgeadm.assets import templates
from edgeadm.errors import ConfigError

if TYPE_CHECKING:
    import jinja2

OWNER_LABEL = "app.kubernetes.io/managed-by"
SUFFIX = ".j2"
GO_FIELD = re.compile(r"\{\{-?\s*\.[A-Za-z]")
# File names that users of the Go edgeadm know.
UPSTREAM_NAMES = {"cni/flannel.yaml": "kube-flannel.yaml"}


class TemplateError(ConfigError):
    """A template cannot be rendered, or its output is not a list of Kubernetes objects."""

    code = "template"


@dataclass(frozen=True)
class Renderer:
    """Renders by name, such as `cni/flannel.yaml`; files of `overrides` replace templates of that name."""

    overrides: str = ""

    def names(self) -> list[str]:
        """All template names, sorted."""
        return sorted(_walk(templates(), ""))

    def source(self, name: str) -> str:
        """The template's text: the user's, if any, else edgeadm's. Raises TemplateError."""
        for folder in [Path(self.overrides)] if self.overrides else []:
            for candidate in _candidates(name):
                if (folder / candidate).is_file():
                    return (folder / candidate).read_text(encoding="utf-8")
        try:
            return (templates() / f"{name}{SUFFIX}").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TemplateError(f"there is no template `{name}`") from None

    def text(self, name: str, values: Mapping[str, Any]) -> str:
        """The rendered text. Raises TemplateError for a missing value."""
        import jinja2

        if GO_FIELD.search(self.source(name)):
            raise TemplateError(
                f"the file for template `{name}` has the syntax of the Go edgeadm: its fields begin with a "
                "dot",
                hint="`edgeadm manifests` writes the same manifest with this edgeadm's field names",
            )
        try:
            return _environment(self).get_template(name).render(**values)
        except jinja2.TemplateError as error:
            where = f" line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
            raise TemplateError(f"template `{name}`{where}: {error}", hint=self._hint(name)) from error

    def objects(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rendered Kubernetes objects in the order to apply them, labelled as ours."""
        return parse_objects(self.text(name, values), f"template `{name}`")

    def _hint(self, name: str) -> str:
        return f"compare your file with the one that `edgeadm manifests` writes for {name}"


@cache
def _environment(renderer: Renderer) -> jinja2.Environment:
    """The Jinja environment of these templates: compiles each once, and again if its source changes."""
    import jinja2

    def loaded(name: str) -> tuple[str, None, Callable[[], bool]]:
        source = renderer.source(name)
        return source, None, lambda: renderer.source(name) == source

    return jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(loaded),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  YAML and unit files, no HTML
    )


def parse_objects(text: str, where: str) -> list[dict[str, Any]]:
    """YAML documents as objects: lists flattened, each with kind and name, definitions first."""
    import yaml

    try:
        documents = [document for document in yaml_text.load_all(text) if document]
    except yaml.YAMLError as error:
        raise TemplateError(f"{where} is not valid YAML", context=str(error)) from error
    objects = [obj for document in documents for obj in _flat(document, where)]
    for obj in objects:
        labels = obj["metadata"].setdefault("labels", {})
        labels[OWNER_LABEL] = "edgeadm"
    return sorted(objects, key=_order)


def _flat(document: Any, where: str) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        raise TemplateError(f"{where} contains a document that is not an object")
    if str(document.get("kind", "")).endswith("List") and "items" in document:
        for item in document["items"]:
            yield from _flat(item, where)
        return
    name = (document.get("metadata") or {}).get("name")
    if not document.get("apiVersion") or not document.get("kind") or not name:
        raise TemplateError(f"{where} contains an object without apiVersion, kind or name")
    yield document


FIRST = ("CustomResourceDefinition", "Namespace", "ServiceAccount", "Secret", "ConfigMap")
ROLES = ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding")


def _order(obj: Mapping[str, Any]) -> int:
    order = (*FIRST, *ROLES)
    return order.index(obj["kind"]) if obj["kind"] in order else len(order)


def _candidates(name: str) -> list[str]:
    short = name.rpartition("/")[2]
    every = [name, short, *([UPSTREAM_NAMES[name]] if name in UPSTREAM_NAMES else [])]
    return [spelling for each in every for spelling in (each, each + SUFFIX)]


def _walk(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield prefix + entry.name.removesuffix(SUFFIX)
