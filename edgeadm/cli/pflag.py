"""Command lines by kubeadm's rules: click's commands, parsed like pflag.

The two libraries read three forms differently (spf13/pflag, `flag.go`): `-v=6` means 6, not `=6`; a switch
takes a value after `=`, long or short; a switch without `=` does not take the next word as its value. Each
command line is converted to a form that both read alike before click parses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from edgeadm.cli import console

Params = Sequence[click.Parameter]
BOOLEAN_WORDS = ("true", "false")


class Switch(click.Option):
    """`--x`, `--x=true` and `--x=false`; a short name takes a value in the same way."""

    def __init__(self, param_decls: Sequence[str], *, default: bool = False, **more: Any) -> None:
        shown: dict[str, Any] = {
            "is_flag": False,
            "flag_value": "true",
            "type": click.BOOL,
            "metavar": "",
            "default": default,
        }
        super().__init__(param_decls, show_default=default, **shown, **more)


VERBOSITY = click.Option(["-v", "--v", "verbosity"], type=int, default=0, help="Log verbosity of kubeadm.")


class NoEffect(click.Option):
    """An option of the counterpart of a command: accepted, hidden from the help, reported if it is given."""

    def __init__(self, of: click.Option) -> None:
        switch = of.is_flag or _is_switch(of)
        bare: dict[str, Any] = {"flag_value": "true"} if switch or _may_be_bare(of) else {}
        super().__init__(
            [f"no_effect_{of.name}", *_names(of)],
            is_flag=False,
            type=click.BOOL if switch else click.STRING,
            multiple=True,
            hidden=True,
            expose_value=False,
            callback=_say_no_effect,
            **bare,
        )


def _say_no_effect(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value:
        path = ctx.command_path.partition(" ")[2]
        console.talk(f"`{param.opts[-1]}` has no effect on `{path}`")


def without_effect(own: Params, theirs: Params) -> list[click.Parameter]:
    """Options of the counterpart command without effect on this one: verbs that come in pairs accept the same
    options."""
    names = {name for each in own for name in each.opts}
    found: list[click.Parameter] = []
    for each in theirs:
        if isinstance(each, NoEffect) or not isinstance(each, click.Option) or names & set(_names(each)):
            continue
        names.update(_names(each))
        found.append(NoEffect(each))
    return found


def pair(*commands: click.Command) -> None:
    """Let each of these commands accept the options of the others."""
    own = [list(each.params) for each in commands]
    for command in commands:
        for params in own:
            command.params += without_effect(command.params, params)


class Command(click.Command):
    """A command parsed by the rules of pflag."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, and `-v`, which kubeadm accepts on each command (a flag of klog)."""
        params = super().get_params(ctx)
        given = {name for each in params for name in each.opts}
        if isinstance(self, click.Group) or "-v" in given or _passes_words_on(params):
            return params
        return [*params, NoEffect(VERBOSITY)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(translated(args, self.get_params(ctx), after_words=ctx.allow_interspersed_args))
        return super().parse_args(ctx, words)


class Group(Command, click.Group):
    """A group that is parsed by the rules of pflag, as are the commands created with its decorators."""

    command_class = Command
    group_class = type


def _passes_words_on(params: Params) -> bool:
    """Whether the command passes unparsed words to another program, whose `-v` may be among them."""
    return any(isinstance(each, click.Argument) and each.type is click.UNPROCESSED for each in params)


def translated(args: Sequence[str], params: Sequence[click.Parameter], *, after_words: bool) -> Iterator[str]:
    """The words in click's form. Unknown options are kept for click to reject. `after_words` tells whether
    options may follow arguments; if not, words from the first argument on are not converted."""
    known = {name: each for each in params if isinstance(each, click.Option) for name in _names(each)}
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--" or (not after_words and not _is_option(word)):
            yield from (word, *rest)
            return
        if word.startswith("--"):
            yield from _long(word, known, rest)
        elif _is_option(word):
            yield from _short(word[1:], known, rest)
        else:
            yield word


def _long(word: str, known: Mapping[str, click.Option], rest: list[str]) -> Iterator[str]:
    name, equals, value = word.partition("=")
    option = known.get(name)
    if option is not None and _is_switch(option) and not equals:
        yield f"{name}={_switch_value(rest)}"
    elif option is not None and option.is_flag and equals:
        yield _flag(option, name, value)
    else:
        yield word
        if option is not None and not option.is_flag and not equals and rest and _takes(option, rest[0]):
            yield rest.pop(0)


def _short(letters: str, known: Mapping[str, click.Option], rest: list[str]) -> Iterator[str]:
    """One word of short options, such as `fv=6` of `-fv=6` (pflag, `parseSingleShortArg`)."""
    while letters:
        option, more = known.get(f"-{letters[0]}"), letters[1:]
        if option is None:
            yield f"-{letters}"
            return
        if len(more) > 1 and more[0] == "=":
            yield _given(option, letters[0], more[1:])
            return
        if _is_switch(option):
            yield _given(option, letters[0], "true" if more else _switch_value(rest))
            letters = more
        elif option.is_flag:
            yield f"-{letters[0]}"
            letters = more
        else:
            if more or rest:
                yield _given(option, letters[0], more or rest.pop(0))
            else:
                yield f"-{letters[0]}"
            return


def _given(option: click.Option, letter: str, value: str) -> str:
    """An option with its value as one word."""
    if option.is_flag:
        return _flag(option, f"-{letter}", value)
    long = next((name for name in option.opts if name.startswith("--")), "")
    return f"{long}={value}" if long else f"-{letter}{value}"


def _flag(option: click.Option, name: str, value: str) -> str:
    """`--drop=false` of `--drop/--refuse` is `--refuse`; click rejects an invalid value."""
    if not option.secondary_opts or value.lower() not in BOOLEAN_WORDS:
        return f"{name}={value}"
    wanted = (name in option.opts) == (value.lower() == "true")
    return (option.opts if wanted else option.secondary_opts)[0]


def _switch_value(rest: list[str]) -> str:
    """`true`, or the next word if it is `true` or `false`: pflag would parse it as an argument, and no
    command has an argument of this form."""
    return rest.pop(0) if rest and rest[0].lower() in BOOLEAN_WORDS else "true"


def _takes(option: click.Option, word: str) -> bool:
    """Whether the option takes the word as its value; if it is optional, it does not take an option."""
    return not (_may_be_bare(option) and _is_option(word))


def _may_be_bare(option: click.Option) -> bool:
    """Whether the value may be left out."""
    return bool(option._flag_needs_value)


def _is_switch(option: click.Option) -> bool:
    return option.type is click.BOOL and not option.is_flag


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-")


def _names(option: click.Option) -> list[str]:
    return [*option.opts, *option.secondary_opts]
