"""Options are read as pflag reads them, on every command; verbs that come in pairs take the same options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest

from edgeadm.cli import pflag, root
from edgeadm.cli.outcome import run


def commands(command: click.Command, path: str = "edgeadm") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")


EVERY = dict(commands(root))
LEAVES = {path: each for path, each in EVERY.items() if not isinstance(each, click.Group)}


def read(*words: str) -> dict[str, Any]:
    """What a command with options of every kind is told."""
    told: dict[str, Any] = {}
    command = pflag.Command(
        "try",
        callback=lambda **given: told.update(given),
        params=[
            click.Option(["-v", "--v", "verbosity"], type=int, default=0),
            click.Option(["-o", "--output"], default=""),
            pflag.Switch(["-f", "--force"]),
            pflag.Switch(["-x", "--edge"], default=True),
            click.Option(["--path"], is_flag=False, flag_value="somewhere"),
            click.Option(["--drop/--refuse"], default=True),
            click.Argument(["rest"], nargs=-1),
        ],
    )
    status = run(command, list(words))
    return told | {"status": status}


DEFAULTS = {
    "verbosity": 0,
    "output": "",
    "force": False,
    "edge": True,
    "path": None,
    "drop": True,
    "rest": (),
}
FORMS: list[tuple[str, dict[str, Any]]] = [
    ("-v=6", {"verbosity": 6}),
    ("-v6", {"verbosity": 6}),
    ("-v 6", {"verbosity": 6}),
    ("--v=6", {"verbosity": 6}),
    ("--v 6", {"verbosity": 6}),
    ("-o=json", {"output": "json"}),
    ("-ojson", {"output": "json"}),
    ("-o==x", {"output": "=x"}),
    ("-o =x", {"output": "=x"}),
    ("-o=", {"output": "="}),
    ("-o=a=b", {"output": "a=b"}),
    ("--output=", {"output": ""}),
    ("--output==x", {"output": "=x"}),
    ("-o -f", {"output": "-f"}),
    ("--output -v=6", {"output": "-v=6"}),
    ("-f", {"force": True}),
    ("-f=true", {"force": True}),
    ("-f=false", {"force": False}),
    ("-f=0", {"force": False}),
    ("-f -f=false", {"force": False}),
    ("--force", {"force": True}),
    ("--force=false", {"force": False}),
    ("--force false", {"force": False}),
    ("--edge=false", {"edge": False}),
    ("-x=F", {"edge": False}),
    ("-f word", {"force": True, "rest": ("word",)}),
    ("--force word", {"force": True, "rest": ("word",)}),
    ("-fv=6", {"force": True, "verbosity": 6}),
    ("-fv6", {"force": True, "verbosity": 6}),
    ("-fv 6", {"force": True, "verbosity": 6}),
    ("-fx=false", {"force": True, "edge": False}),
    ("-fxo=json", {"force": True, "edge": True, "output": "json"}),
    ("--path", {"path": "somewhere"}),
    ("--path here", {"path": "here"}),
    ("--path=here -f", {"path": "here", "force": True}),
    ("--path -f", {"path": "somewhere", "force": True}),
    ("--drop=false", {"drop": False}),
    ("--refuse", {"drop": False}),
    ("--refuse=false", {"drop": True}),
    ("-f -- -v=6", {"force": True, "rest": ("-v=6",)}),
    ("word -v=6", {"verbosity": 6, "rest": ("word",)}),
]


@pytest.mark.parametrize(("line", "told"), FORMS, ids=[form[0] for form in FORMS])
def test_a_form_of_pflag(line: str, told: dict[str, Any]) -> None:
    assert read(*line.split()) == DEFAULTS | told | {"status": 0}


@pytest.mark.parametrize(
    "line", ["-v", "-v=six", "-f=maybe", "--force=maybe", "-z", "-fz=1", "-f=", "--nothing=1"]
)
def test_what_pflag_refuses_is_refused(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(*line.split()) == {"status": 1}
    assert "[usage]" in capsys.readouterr().err


@pytest.mark.parametrize("path", EVERY)
def test_every_command_is_read_so(path: str) -> None:
    assert isinstance(EVERY[path], pflag.Command)
    plain = [
        each.name
        for each in EVERY[path].params
        if isinstance(each, click.Option) and each.is_flag and not each.secondary_opts
    ]
    assert [name for name in plain if name != "version"] == [], "a switch that takes no value"


@pytest.mark.parametrize("path", LEAVES)
def test_every_short_option_with_a_value_takes_it_after_a_sign(path: str) -> None:
    command = LEAVES[path]
    context = click.Context(command)
    for option in command.get_params(context):
        short = [name for name in option.opts if len(name) == 2 and name.startswith("-")]
        if not isinstance(option, click.Option) or option.is_flag or not short:
            continue
        kind = option.type
        value = kind.choices[0] if isinstance(kind, click.Choice) else "1"
        told, _, _ = command.make_parser(context).parse_args(
            list(pflag.translated([f"{short[0]}={value}"], command.get_params(context), after_words=True))
        )
        assert value in (told[option.name], *told[option.name])


# What takes something back, or looks at it, is typed with the options of what made it.
PAIRS = [
    ("addon edge-apps", "detach edge-apps"),
    ("addon edge-apps plan", "detach edge-apps plan"),
    ("certs renew", "certs check"),
    ("certs check", "certs renew"),
    ("drill offline", "drill lift"),
    ("drill lift", "drill offline"),
    ("sandbox up", "sandbox down"),
    ("sandbox down", "sandbox up"),
    ("token create", "token list"),
    ("token create", "token delete"),
    ("token create", "token generate"),
    ("token list", "token create"),
    ("token delete", "token create"),
    ("init plan", "init"),
    ("init", "init plan"),
    ("join", "join plan"),
    ("reset", "reset plan"),
]


def names(path: str) -> set[str]:
    command = EVERY[f"edgeadm {path}"]
    params = command.get_params(click.Context(command))
    options = [each for each in params if isinstance(each, click.Option) and "--help" not in each.opts]
    return {name for each in options for name in (*each.opts, *each.secondary_opts)}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_verbs_that_come_in_pairs_take_the_same_options(one: str, other: str) -> None:
    assert names(one) - names(other) == set()


def test_join_and_reset_take_edgeadms_own_options_of_init() -> None:
    from edgeadm.config.model import flag_of, own_settings

    own = {
        flag for name, each in own_settings().items() for flag in each.metadata.get("flags", (flag_of(name),))
    }
    assert {verb: own - names(verb) for verb in ("join", "reset")} == {"join": set(), "reset": set()}


def test_every_verb_takes_a_level_of_talk_but_what_passes_words_on() -> None:
    without = [path for path in LEAVES if "-v" not in names(path.removeprefix("edgeadm "))]
    passing = [
        path for path in without if not path.startswith(("edgeadm init phase ", "edgeadm join phase "))
    ]
    assert passing == ["edgeadm sandbox exec"]
