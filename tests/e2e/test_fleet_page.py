"""The report page of a fleet in headless Chromium: its script runs, hostile texts do not, and it prints."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.fleet import page
from edgeadm.fleet.tally import Tally
from edgeadm.hosts import Result
from edgeadm.hosts.process import execute
from tests.crowds import failed, finding, machine, ready, run, waiting

pytestmark = pytest.mark.e2e
SECONDS = 120.0
EVIL = "<script>document.title='evil'</script><img src=x onerror=\"document.title='evil'\">\x1b[31m"
# What a reader does: sort by site, then twice by name; filter by a word and a state. The result is the title.
READER = """
var head = document.querySelectorAll("th button"), words = document.getElementById("words");
function names() {
  return Array.from(document.querySelectorAll("tbody tr")).filter(function (row) { return !row.hidden; })
    .map(function (row) { return row.cells[0].textContent; });
}
var found = [];
head[4].click(); found.push(names()[0]);
head[4].click(); found.push(names()[0]);
words.value = "SWAP"; words.dispatchEvent(new Event("input")); found.push(names().join("+"));
words.value = ""; document.getElementById("state").value = "waiting";
document.getElementById("state").dispatchEvent(new Event("change")); found.push(names().join("+"));
found.push(document.getElementById("shown").textContent);
document.title = found.join("|");
"""


def chromium(folder: Path, target: Path, *options: str) -> Result:
    """Run it on the file, without a network."""
    return execute(
        (
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *(f"--user-data-dir={folder / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--enable-logging=stderr", "--window-size=1280,1600", *options, target.as_uri()),
        ),
        timeout=SECONDS,
    ).checked()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of 43 machines."""
    swap = finding("Swap", "swap is on (/dev/sda3)", "run `swapoff -a`")
    evil = machine(42, name=EVIL, site=EVIL)
    results = [
        *(ready(number, seconds=float(number)) for number in range(2, 41)),
        failed(1, "preflight", "a check failed", findings=(swap,), seconds=0.5),
        failed(42, EVIL, EVIL, EVIL, context=EVIL, machine=evil),
        waiting(41),
        replace(ready(43), seconds=999.0),
    ]
    tally = Tally()
    for event in run(*results, again=EVIL, exit_code=4):
        tally.handle(event)
    path = tmp_path_factory.mktemp("page") / "report.html"
    page.write(path, tally)
    return path


def test_the_script_runs_and_hostile_texts_do_not(report: Path, tmp_path: Path) -> None:
    done = chromium(tmp_path, report, "--dump-dom")
    assert ">43 of 43</span>" in done.out
    assert "<title>Fleet shops: nodes add</title>" in done.out
    assert "&lt;script&gt;document.title" in done.out
    assert [line for line in done.err.splitlines() if "CONSOLE" in line] == []


def test_the_content_policy_stops_a_script_that_got_into_the_page(report: Path, tmp_path: Path) -> None:
    text = report.read_text(encoding="utf-8")
    opened = tmp_path / "opened.html"
    opened.write_text(text.replace("</h1>", "</h1><script>document.title = 'evil'</script>", 1))
    done = chromium(tmp_path, opened, "--dump-dom")
    assert "<title>Fleet shops: nodes add</title>" in done.out
    assert "Content Security Policy" in done.err


def test_the_table_can_be_sorted_and_filtered(report: Path, tmp_path: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(READER.encode()).digest()).decode()
    text = report.read_text(encoding="utf-8").replace(
        "script-src ", f"script-src &#x27;sha256-{digest}&#x27; ", 1
    )
    read = tmp_path / "read.html"
    read.write_text(text.replace("</body>", f"<script>{READER}</script></body>"), encoding="utf-8")
    done = chromium(tmp_path, read, "--dump-dom")
    titles = re.findall("<title>(.*?)</title>", done.out)
    assert titles == ["edge-1|edge-43|edge-1|edge-41|1 of 43"]


@pytest.mark.parametrize("scheme", ["0", "1"], ids=["dark", "light"])
def test_the_page_is_drawn_in_both_schemes(scheme: str, report: Path, tmp_path: Path) -> None:
    image = tmp_path / "page.png"
    chromium(tmp_path, report, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={image}")
    data = image.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000


def test_the_page_can_be_printed(report: Path, tmp_path: Path) -> None:
    printed = tmp_path / "page.pdf"
    chromium(tmp_path, report, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
    assert printed.read_bytes().startswith(b"%PDF")
