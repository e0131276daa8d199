"""Which steps work with which Kubernetes version: one run of tests/e2e/test_version.py for each, as a table.

Usage (root): version_table.py [--write-docs] [VERSION...]; without a version, those that are supported. A run
takes some ten minutes, and as many again to build a package that is not in the cache. With --write-docs the
row of each version goes into docs/reference/versions.md; rows of other versions stay."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

from edgeadm.hosts.process import execute
from edgeadm.package.builder import known_recipes
from edgeadm.package.support import supported_until

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "versions.md"
MARKS = ("<!-- written by tools/version_table.py -->\n", "<!-- end of versions -->\n")
TESTS = "tests/e2e/test_version.py"
NAMES = re.findall(r"(?m)^def test_(\w+)", (ROOT / TESTS).read_text(encoding="utf-8"))
# The last one is of the sandbox, not of the version.
COLUMNS = [name for name in NAMES if "forwarded" not in name]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    parser.add_argument("--write-docs", action="store_true")
    asked = parser.parse_args()
    today = datetime.now(UTC).date()
    failed = False
    for version in asked.versions or [each for each in known_recipes() if is_supported(each, today)]:
        found = run(version)
        row = [version, *(found.get(name, "not run") for name in COLUMNS), str(today)]
        print(line(row), flush=True)
        failed = failed or any(not cell.endswith(" s") for cell in row[1:-1])
        if asked.write_docs:
            write_row(row)
    sys.exit(failed)


def is_supported(version: str, today: date) -> bool:
    """Whether its makers still support it."""
    until = supported_until(version)
    return until is not None and today <= until


def run(version: str) -> Mapping[str, str]:
    """Test → how many seconds it took, or that it failed. What pytest says goes to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", TESTS, "-v", "-m", "e2e", f"--junitxml={report}"]
        words += ["-o", "junit_duration_report=call"]
        env = {"EDGEADM_KUBERNETES": version}
        done = execute(
            words, env=env, cwd=ROOT, on_line=lambda text: print(text, file=sys.stderr, flush=True)
        )
        if not report.is_file():
            sys.exit(f"error: no test of {version} ran\n{done.err}")
        cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314  pytest wrote it
        return {case.attrib["name"].removeprefix("test_"): outcome(case) for case in cases}


def talk(text: str) -> None:
    """Print progress to stderr."""
    print(text, file=sys.stderr, flush=True)


def outcome(case: ElementTree.Element) -> str:
    """Of one test."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "**fails**"
    return f"{float(case.attrib['time']):.0f} s"


def line(cells: list[str]) -> str:
    """A row in Markdown."""
    return "| " + " | ".join(cells) + " |"


def write_row(row: list[str]) -> None:
    """Replace the row of the version in the page, or add it."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKS[0])
    table, _, after = rest.partition(MARKS[1])
    rows = {each.split(" | ")[0]: each for each in table.splitlines()[2:]}
    rows[f"| {row[0]}"] = line(row)
    heads = ["Version", *(name.replace("_", " ") for name in COLUMNS), "run on"]
    lines = [line(heads), line(["---"] * len(heads)), *(rows[key] for key in sorted(rows))]
    text = "\n".join(lines)
    PAGE.write_text(f"{before}{MARKS[0]}{text}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
