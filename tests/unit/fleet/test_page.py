"""The report page: complete, without other files, and harmless whatever a machine says."""

from __future__ import annotations

import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgeadm.config.secret import Secret
from edgeadm.fleet.events import MachineResult
from edgeadm.fleet.page import ReportNotWrittenError, write
from edgeadm.fleet.page_parts import SCRIPT
from edgeadm.fleet.tally import Tally
from edgeadm.hosts.ssh.target import Login, Target
from tests.crowds import failed, finding, machine, ready, run, waiting

VOID = {"meta", "input", "br"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></pre></td><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "<!-- <![CDATA[ ]]>",
    "\x1b[2J\x00\u202e",
    "&lt;b&gt; `code` `<i>`",
)


class Strict(HTMLParser):
    """Reads a page and requires that elements are nested, and attributes given once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def written(folder: Path, *results: MachineResult, **more: object) -> str:
    tally = Tally()
    for event in run(*results, **more):
        tally.handle(event)
    path = folder / "report.html"
    write(path, tally, written="2026-11-26 14:33 UTC")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in folder.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def test_the_page_shows_the_run(tmp_path: Path) -> None:
    swap = finding("Swap", "swap is on", "run `swapoff -a`")
    text = written(
        tmp_path,
        *(ready(each) for each in range(1, 40)),
        failed(40, "preflight", findings=(swap,), context="first\nsecond"),
        waiting(41),
        exit_code=4,
        again="edgeadm nodes add -f x.yaml --resume",
    )
    page = Strict(text)
    shown = " ".join(page.texts)
    assert page.tags.count("tr") == 1 + 41
    for word in ("39 / 41", "Swap", "swapoff -a", "no-route", "check the cable", "--resume", "second"):
        assert word in shown
    assert page.attributes.count(("class", "end")) == 41


def test_the_page_needs_no_other_file_and_permits_only_its_own_script(tmp_path: Path) -> None:
    page = Strict(written(tmp_path, ready(1)))
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "formaction", "data", "poster"}
    assert not {"link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert page.tags.count("script") == 1
    policy = next(value for name, value in page.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none'")
    assert "sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_texts_are_texts(bad: str, tmp_path: Path) -> None:
    plain = written(tmp_path, failed(1, "code", "detail", "hint", context="context"))
    other = machine(1, name=bad, site=bad, target=Target(bad))
    more = {"again": bad, "stopped": bad, "untouched": (bad,)}
    found = finding(bad, bad, bad)
    results = (
        failed(1, bad, bad, bad, context=bad, machine=other),
        failed(2, bad, bad, bad, machine=machine(2, name="two"), findings=(found,)),
    )
    page = Strict(written(tmp_path, *results, **more))
    allowed = set(Strict(plain).tags) | {"br", "code"}
    assert set(page.tags) <= allowed
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.texts.count(SCRIPT) == 1
    assert not set("\x00\x1b\u202e") & set("".join(page.texts))


def test_the_page_contains_no_secret(tmp_path: Path) -> None:
    secret = Secret("correct-horse")
    other = machine(1, target=Target("10.1.0.1", login=Login(password=secret)))
    said = f"sudo: {secret} is wrong"
    text = written(tmp_path, failed(1, "sudo", said, said, context=said, machine=other), again=said)
    assert "correct-horse" not in text
    assert "sudo: *** is wrong" in text


def test_a_page_that_cannot_be_written_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    tally = Tally()
    for event in run(ready(1)):
        tally.handle(event)
    with pytest.raises(ReportNotWrittenError) as caught:
        write(tmp_path / "file" / "report.html", tally)
    assert "--report" in caught.value.hint


def test_a_run_that_did_not_end_leaves_no_page(tmp_path: Path) -> None:
    write(tmp_path / "report.html", Tally())
    assert not list(tmp_path.iterdir())
