"""Secret values: marked when they are read, and found in any data structure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

# Keys of kubeadm's documents that hold a token or a key (kubeadm v1beta3 and v1beta4, types.go).
KEYS = frozenset({"token", "tlsBootstrapToken", "certificateKey"})


class Secret(str):
    """A value that is used as it is and shown as `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def marked(value: Any) -> Any:
    """A copy of a kubeadm document in which each token and key is a Secret."""
    if isinstance(value, Mapping):
        return {
            key: Secret(each) if key in KEYS and isinstance(each, str) else marked(each)
            for key, each in value.items()
        }
    return [marked(each) for each in value] if isinstance(value, list) else value


def unmarked(value: Any, shown: str | None = None) -> Any:
    """A copy of a document without Secrets, as YAML needs it; `shown` takes their place if it is given."""
    if isinstance(value, Mapping):
        return {key: unmarked(each, shown) for key, each in value.items()}
    if isinstance(value, list):
        return [unmarked(each, shown) for each in value]
    if isinstance(value, Secret):
        return str(value) if shown is None else shown
    return value


def secrets_in(value: Any) -> Iterator[str]:
    """Each Secret, not empty, in dataclasses, mappings and sequences, however deep."""
    if isinstance(value, Secret):
        yield from (str(value),) if value else ()
    elif is_dataclass(value):
        for each in fields(value):
            yield from secrets_in(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from secrets_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from secrets_in(part)


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """The value with *** in place of each secret, in texts, mappings and sequences, however deep."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return str(value)
    if isinstance(value, Mapping):
        return {key: masked(each, secrets) for key, each in value.items()}
    return [masked(each, secrets) for each in value] if isinstance(value, list | tuple) else value
