"""The word list of `make lint`: the patterns are found, and only in texts."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

OLD = (
    "edge nodes that nobody can dial",
    "reset takes back every change",
    "empty where there is none",
    "the same for a plain worker",
    "a later run goes by it",
    "The cloud lets in new nodes",
    "the file has what it held before",
    "not until the condition has come about",
    "the certificate is made anew",
    "whoever has the token",
)
NEW = (
    "edge nodes behind NAT",
    "where the file is stored",
    "the same address as before",
    "let a node join",
    "go by train",
    "`nobody` is a user",
    "read {what_it_is}",
)


@pytest.fixture(scope="module")
def words() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return import_module("words")
    finally:
        sys.path.remove(str(ROOT / "tools"))


@pytest.mark.parametrize("text", OLD)
@pytest.mark.parametrize("form", ['raise ValueError("{}")', '"""{}"""', "# {}"])
def test_an_old_pattern_is_found_in_messages_docstrings_and_comments(
    text: str, form: str, words: ModuleType
) -> None:
    found = [("a.py", each) for each in words.of_source(form.format(text) + "\n", messages=True)]
    assert {line.split(": ")[0] for line in words.faults(found, *words.load())} == {"a.py:1"}


@pytest.mark.parametrize("text", NEW)
def test_plain_english_and_code_are_not_found(text: str, words: ModuleType) -> None:
    found = [("a.md", each) for each in words.of_page(f"{text}\n\n```console\n$ nobody takes back\n```\n")]
    assert found
    assert list(words.faults(found, words.load()[0], [])) == []


@pytest.mark.parametrize("text", OLD)
@pytest.mark.parametrize("form", ["// {}", "/* {} */", 'log.Print("it failed:", "{}")', "x := `{}`"])
def test_an_old_pattern_is_found_in_comments_and_strings_of_go(
    text: str, form: str, words: ModuleType
) -> None:
    found = [("a.go", each) for each in words.of_go(f"package a\n\n{form.format(text)}\n")]
    assert {line.split(": ")[0] for line in words.faults(found, *words.load()) if "a.go" in line} == {
        "a.go:3"
    }


def test_go_code_beside_comments_and_strings_is_free(words: ModuleType) -> None:
    source = "var nobody = '\"' // the user\nfor ; nobody != '\\''; {\n\tcall(\"a \\\"b\", nobody)\n}\n"
    assert [each.words.strip() for each in words.of_go(source)] == ["the user", 'a \\"b']


def test_adjacent_comments_of_go_are_one_text(words: ModuleType) -> None:
    source = 'x := "knows" // a\n\n\t// reset takes\n\t// back every change\n'
    found = [("a.go", each) for each in words.of_go(source)]
    assert [line.split(": ")[0] for line in words.faults(found, words.load()[0], [])] == ["a.go:3"]


def test_an_old_pattern_is_found_in_the_name_of_a_go_test(words: ModuleType) -> None:
    source = "package a\n\nfunc TestAnAPIThatNobodyKnows(t *testing.T) {\n}\n"
    found = [("a.go", each) for each in words.of_go(source)]
    assert [each.words for _, each in found] == ["an api that nobody knows"]
    assert [line.split(": ")[0] for line in words.faults(found, words.load()[0], [])] == ["a.go:3"]


@pytest.mark.parametrize("form", ["# {}", "    # {}", "{{# {} #}}", "[Unit]\nDescription={}"])
def test_an_old_pattern_is_found_in_comments_and_descriptions_of_templates(
    form: str, words: ModuleType
) -> None:
    source = f"name: nobody\n{form.format('reset takes back every change')}\nuser: nobody # a user\n"
    found = [("a.j2", each) for each in words.of_template(source)]
    (fault,) = words.faults(found, words.load()[0], [])
    assert "takes back" in fault


def test_go_programs_and_templates_are_searched(words: ModuleType) -> None:
    suffixes = {Path(name).suffix for name, _ in words.texts(ROOT)}
    assert suffixes == {".py", ".go", ".j2", ".md"}


def test_a_pattern_across_lines_is_found(words: ModuleType) -> None:
    source = 'say(\n    "reset takes "\n    "back every change"\n)\n'
    found = [("a.py", each) for each in words.of_source(source, messages=True)]
    assert [line.split(": ")[0] for line in words.faults(found, words.load()[0], [])] == ["a.py:2"]


def test_words_of_users_texts_are_free_in_docstrings(words: ModuleType) -> None:
    source = '"""The folder."""\nsay("a folder of yours")\n'
    found = [("a.py", each) for each in words.of_source(source, messages=True)]
    lines = {line.split(": ")[0] for line in words.faults(found, words.load()[0], [])}
    assert lines == {"a.py:2"}


def test_an_exception_holds_for_its_text_and_is_reported_if_it_is_not_needed(words: ModuleType) -> None:
    found = [("a.md", each) for each in words.of_page("The user nobody.\n\nNobody knows.\n")]
    allowed = [words.Allowed("a.md", "user nobody", "a name"), words.Allowed("b.md", "nobody", "a name")]
    faults = list(words.faults(found, words.load()[0], allowed))
    assert [line.split(": ")[0] for line in faults] == ["a.md:3", "tools/words.toml"]


def test_a_pattern_is_allowed_in_files_outside_of_its_scope(words: ModuleType) -> None:
    found = [
        (name, each)
        for name in ("edgeadm/fleet/a.py", "edgeadm/phases/a.py")
        for each in words.of_source('raise ValueError("the machine is off")\n', messages=True)
    ]
    faults = words.faults(found, words.load()[0], [])
    assert [line.split(":")[0] for line in faults] == ["edgeadm/phases/a.py"]
