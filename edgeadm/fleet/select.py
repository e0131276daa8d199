"""`--limit`: the machines that a selector names.

A selector consists of terms that are separated by commas. A term is the name or address of a machine, a
group, a site, a pattern of them (`till-*`, `10.9.0.?`), or KEY=VALUE: KEY is `role`, `site`, `group`, or a
label, and VALUE may be a pattern. A machine is selected if one term selects it and no term with `!` does;
with only such terms, all others are selected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from edgeadm.fleet.errors import SelectorError
from edgeadm.fleet.model import Machine

NOT = "!"


def select(machines: Sequence[Machine], selectors: Iterable[str]) -> tuple[Machine, ...]:
    """The machines that the selectors name, in the order of the document; all without a selector.

    Raises SelectorError for a term that selects no machine: it is probably misspelled."""
    terms = [term.strip() for each in selectors for term in each.split(",") if term.strip()]
    wanted = [term for term in terms if not term.startswith(NOT)]
    unwanted = [term[1:] for term in terms if term.startswith(NOT)]
    chosen = _named(machines, wanted) if wanted else {each.name for each in machines}
    chosen -= _named(machines, unwanted)
    if terms and not chosen:
        raise SelectorError(f"--limit: `{','.join(terms)}` selects no machine", hint="remove a term")
    return tuple(each for each in machines if each.name in chosen)


def _named(machines: Sequence[Machine], terms: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for term in terms:
        fits = _fits(term)
        names = {each.name for each in machines if fits(each)}
        if not names:
            words = sorted({word for each in machines for word in _words(each)})
            near = get_close_matches(term, words, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`edgeadm nodes plan` lists the machines"
            raise SelectorError(f"--limit: `{term}` selects no machine", hint=hint)
        found |= names
    return found


def _fits(term: str) -> Callable[[Machine], bool]:
    key, equals, pattern = term.partition("=")
    if not equals:
        return lambda machine: any(fnmatchcase(word, term) for word in _words(machine))
    return lambda machine: any(fnmatchcase(value, pattern) for value in _values(machine, key))


def _words(machine: Machine) -> tuple[str, ...]:
    words = (machine.name, machine.address, machine.site, *machine.groups)
    return tuple(word for word in words if word)


def _values(machine: Machine, key: str) -> tuple[str, ...]:
    if key == "role":
        return (machine.role.value,)
    if key == "site":
        return (machine.site,) if machine.site else ()
    if key == "group":
        return machine.groups
    return (machine.labels[key],) if key in machine.labels else ()
