"""Writes the parts of the reference that the code knows best, into docs/reference/generated/."""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import edgeadm
from edgeadm.cli import root
from edgeadm.config.model import (
    addon_settings,
    every_setting,
    flag_of,
    join_settings,
    key_of,
    kubeadm_settings,
    own_settings,
    reset_settings,
    variable_of,
)
from edgeadm.core.event_schema import event_schema
from edgeadm.core.workflow import Workflow
from edgeadm.errors import EdgeadmError, every_error
from edgeadm.fleet.documents.json_schema import schema_of
from edgeadm.fleet.documents.settings import settings as settings_keys
from edgeadm.package.builder import default_kubernetes, known_recipes

ROOT = Path(__file__).resolve().parents[2]
PAGES: dict[str, Callable[[], str]] = {}


def page(make: Callable[[], str]) -> Callable[[], str]:
    """Register a function that returns the content of `generated/NAME.md`."""
    PAGES[make.__name__] = make
    return make


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "reference" / "generated"))
    app.connect("source-read", substitute)
    return {"parallel_read_safe": True}


def substitute(_app: Any, _name: str, source: list[str]) -> None:
    """Replace `{{ kubernetes }}` with the default Kubernetes version, `{{ recipes }}` with all versions and
    `{{ version }}` with the version of edgeadm, also in code blocks."""
    source[0] = source[0].replace("{{ version }}", edgeadm.__version__)
    source[0] = source[0].replace("{{ kubernetes }}", default_kubernetes())
    source[0] = source[0].replace("{{ recipes }}", ", ".join(known_recipes()))


def write(folder: Path) -> None:
    """Write every page; unchanged files are not written, so that Sphinx does not read them again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        path, text = folder / f"{name}.md", make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def load_everything() -> None:
    """Import every module of edgeadm, so that every error class is known."""
    for module in pkgutil.walk_packages(edgeadm.__path__, "edgeadm."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def our_errors() -> list[type[EdgeadmError]]:
    """All error classes of edgeadm, by exit status and code."""
    load_everything()
    ours = {each for each in every_error() if each.__module__.startswith("edgeadm.")}
    return sorted(ours, key=lambda each: (each.exit_code, each.code))


def workflows() -> list[Workflow]:
    """All verbs that consist of phases."""
    found = vars(import_module("edgeadm.workflows")).values()
    return [each for each in found if isinstance(each, Workflow)]


@page
def errors() -> str:
    rows = [(f"`{each.code}`", each.exit_code, one_line(each.__doc__)) for each in our_errors()]
    return table(("Code", "Exit status", "Meaning"), rows)


@page
def phases() -> str:
    parts = []
    for workflow in workflows():
        rows = [
            (f"`{step.path}`", step.phase.summary, one_line(type(step.phase).__doc__))
            for step in workflow.steps()
        ]
        parts += [f"## {workflow.name}", workflow.summary, table(("Phase", "Summary", "Details"), rows)]
    return "\n\n".join(parts)


def preflight_checks() -> dict[str, Any]:
    """The checks of preflight, by verb; those of control planes are among those of `join`."""
    every = import_module("edgeadm.preflight.every")
    more = import_module("edgeadm.preflight.network").CONTROL_PLANE_CHECKS
    content = import_module("edgeadm.preflight.supply").CONTENT_CHECKS
    return {"init": every.INIT_CHECKS + content, "join": every.JOIN_CHECKS + more + content}


@page
def checks() -> str:
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for verb, every in preflight_checks().items():
        for each in every:
            verbs.setdefault((f"`{each.code}`", each.group, each.statement), []).append(f"`{verb}`")
    rows = [(*check, ", ".join(names)) for check, names in verbs.items()]
    return table(("Name", "Group", "Condition", "Verb"), rows)


@page
def autonomy() -> str:
    every = import_module("edgeadm.autonomy.checks").AUTONOMY_CHECKS
    rows = [(f"`{each.code}`", each.group, each.statement, each.hint) for each in every]
    return table(("Code", "Group", "Condition", "Hint"), rows)


@page
def fleet_checks() -> str:
    every = import_module("edgeadm.fleet.cross").CROSS_CHECKS
    rows = [(f"`{each.code}`", each.group, each.statement, each.hint) for each in every]
    return table(("Code", "Group", "Condition", "Hint"), rows)


@page
def settings() -> str:
    parts = []
    for title, every in (
        ("edgeadm's own", own_settings()),
        ("kubeadm's", kubeadm_settings()),
        ("for nodes that join", join_settings()),
        ("for edge components", addon_settings()),
        ("for reset", reset_settings()),
    ):
        rows = [
            (
                f"`{shown(name, each)}`",
                f"`{key_of(name)}`",
                f"`{variable_of(name)}`",
                default(each),
                text(each),
            )
            for name, each in every.items()
        ]
        parts += [f"## {title}", table(("Flag", "Key in the file", "Variable", "Default", "Meaning"), rows)]
    return "\n\n".join(parts)


@page
def events() -> str:
    parts = []
    for each in event_schema()["oneOf"]:
        required = each["required"]
        rows = [
            (
                f"`{key}`",
                " or ".join(f"`{value}`" for value in about["enum"])
                if "enum" in about
                else about.get("type", "any"),
                "always" if key in required else "if not empty",
                about["description"],
            )
            for key, about in each["properties"].items()
            if key != "event"
        ]
        parts += [
            f"### {each['title']}",
            each["description"],
            table(("Key", "Value", "Present", "Meaning"), rows),
        ]
    return "\n\n".join(parts)


def documents(name: str) -> str:
    """The keys of the documents of a published schema: one table for each part."""
    parts = []
    for about in schema_of(name)["$defs"].items():
        parts += document_part(*about)
    return "\n\n".join(parts)


def document_part(name: str, about: dict[str, Any]) -> list[str]:
    """The heading, the description and the table of a part of a document."""
    rows = [
        (f"`{key}`", value_of(each), "yes" if key in about.get("required", ()) else "", each["description"])
        for key, each in about["properties"].items()
        if each["description"] not in ("Set by the API server.", "Not used.")
    ]
    return [f"### {name}", about["description"], table(("Key", "Value", "Required", "Meaning"), rows)]


def value_of(about: dict[str, Any]) -> str:
    """The type of a value, from its schema."""
    if "$ref" in about:
        return about["$ref"].rpartition("/")[2]
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(value_of(each) for each in about["anyOf"]))
    if "enum" in about:
        return " or ".join(f"`{each}`" for each in about["enum"])
    if about.get("type") == "array":
        return f"list of {value_of(about['items'])}"
    if isinstance(about.get("additionalProperties"), dict):
        return f"mapping to {value_of(about['additionalProperties'])}"
    return {"object": "mapping"}.get(about.get("type", "any"), about.get("type", "any"))


@page
def nodefleet() -> str:
    return documents("nodefleet")


@page
def nodetask() -> str:
    return documents("nodetask")


@page
def cluster() -> str:
    return documents("cluster")


@page
def document_settings() -> str:
    every = {key_of(name): each for name, each in every_setting().items()}
    rows = [
        (f"`{key}`", kind, one_line(every[key].metadata["help"])) for key, kind in settings_keys().items()
    ]
    return table(("Key", "Type", "Meaning"), rows)


@page
def checkov() -> str:
    settings = tomllib.loads((ROOT / "tools/checkov.toml").read_text(encoding="utf-8"))
    rows = [
        (", ".join(f"`{check}`" for check in each["checks"]), ", ".join(each.get("on", ["all"])), each["why"])
        for each in settings["reason"]
    ]
    return table(("Checks", "Manifests", "Reason"), rows)


@page
def cli() -> str:
    parts = []
    for path, command in commands(root, "edgeadm"):
        ctx = click.Context(command, info_name=path, terminal_width=100, help_option_names=["-h", "--help"])
        parts += [f"## {path}", f"```text\n{command.get_help(ctx)}\n```"]
    return "\n\n".join(parts)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, with their paths."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            if below is not None and not below.hidden:
                yield from commands(below, f"{path} {name}")


def table(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def one_line(docstring: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((docstring or "").split())


def shown(name: str, each: Any) -> str:
    """The flag, or the argument's form."""
    spellings = each.metadata.get("flags", (flag_of(name),))
    return str(each.metadata.get("argument") or spellings[0])


def about(each: Any) -> tuple[str, str]:
    return default(each), text(each)


def default(each: Any) -> str:
    return "" if each.default in (None, "", ()) else f"`{str(each.default).lower()}`"


def text(each: Any) -> str:
    return str(each.metadata["help"])
