"""The kinds of values in documents. Each reads a plain value, and describes itself as JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm.config.secret import Secret
from edgeadm.fleet.documents.faults import Faults, join, shown
from edgeadm.fleet.documents.forms import Form
from edgeadm.fleet.model import Limit

LONGEST_TEXT = 1024
LONGEST_LIST = 100_000
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class Kind:
    """A kind of value. `read` returns the value as the program uses it, or None after it recorded a fault."""

    def read(self, value: Any, path: str, faults: Faults) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


def type_of(value: Any) -> str:
    """The type of a plain value, for messages."""
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a mapping",
    }
    return names.get(type(value), "nothing")


@dataclass(frozen=True)
class Text(Kind):
    """A string of one line, of a form. Bidirectional and other control characters are refused."""

    form: Form | None = None
    longest: int = LONGEST_TEXT
    secret: bool = False
    lines: bool = False

    def read(self, value: Any, path: str, faults: Faults) -> str | None:
        if not isinstance(value, str):
            hint = ": put it in quotes" if isinstance(value, bool | int | float) else ""
            faults.add(path, f"expects a string, not {type_of(value)}{hint}")
        elif len(value) > self.longest:
            faults.add(path, f"is longer than {self.longest} characters")
        elif CONTROL.search(value.replace("\n", "") if self.lines else value):
            faults.add(path, "contains a control character")
        elif self.form and not self.form.test(value):
            given = "the value" if self.secret else f"`{shown(value)}`"
            faults.add(path, f"{given} is not {self.form.words}")
        else:
            return Secret(value) if self.secret else value
        return None

    def schema(self) -> dict[str, Any]:
        pattern = {"pattern": self.form.pattern} if self.form and self.form.pattern else {}
        return {"type": "string", "maxLength": self.longest, **pattern}


@dataclass(frozen=True)
class Anything(Kind):
    """A value that edgeadm does not use, such as `status` of an object from the API."""

    def read(self, value: Any, path: str, faults: Faults) -> Any:  # noqa: ARG002
        return value

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Ignored(Kind):
    """A key that exists and that edgeadm does not implement: a warning names it, with the reason."""

    reason: str

    def read(self, value: Any, path: str, faults: Faults) -> Any:
        faults.warn(path, self.reason)
        return value

    def schema(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Encoded(Kind):
    """A secret in base64, as `[]byte` of Go. A line break at its end is removed, unless `lines` is set."""

    longest: int = 1024
    lines: bool = False

    def read(self, value: Any, path: str, faults: Faults) -> Secret | None:
        import base64

        try:
            text = base64.b64decode(value, validate=True).decode() if isinstance(value, str) else ""
        except ValueError:
            text = ""
        if not text:
            faults.add(path, "is not a text in base64: encode it with `base64 -w0`")
            return None
        kind = Text(longest=self.longest, secret=True, lines=self.lines)
        found = kind.read(text if self.lines else text.rstrip("\r\n"), path, faults)
        return None if found is None else Secret(found)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "contentEncoding": "base64", "maxLength": self.longest * 2}


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number."""

    least: int = 0
    most: int = 1 << 31

    def read(self, value: Any, path: str, faults: Faults) -> int | None:
        if not isinstance(value, int) or isinstance(value, bool):
            faults.add(path, f"expects a whole number, not {type_of(value)}")
        elif not self.least <= value <= self.most:
            faults.add(path, f"{value} is not in {self.least}-{self.most}")
        else:
            return value
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag(Kind):
    """true or false."""

    def read(self, value: Any, path: str, faults: Faults) -> bool | None:
        if isinstance(value, bool):
            return value
        faults.add(path, f"expects true or false, not {type_of(value)}")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, path: str, faults: Faults) -> str | None:
        if isinstance(value, str) and value in self.words:
            return value
        given = f"`{shown(value)}`" if isinstance(value, str) else type_of(value)
        faults.add(path, f"{given} is not one of {', '.join(self.words)}")
        return None

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class ListOf(Kind):
    """A list."""

    item: Kind
    most: int = 1000
    least: int = 0

    def read(self, value: Any, path: str, faults: Faults) -> tuple[Any, ...] | None:
        if not isinstance(value, list):
            faults.add(path, f"expects a list, not {type_of(value)}")
        elif not self.least <= len(value) <= self.most:
            faults.add(path, f"has {len(value)} items, and {self.least}-{self.most} are possible")
        else:
            read = self.item.read
            return tuple(read(each, f"{path}[{at}]", faults) for at, each in enumerate(value))
        return None

    def schema(self) -> dict[str, Any]:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.item.schema(), **least, "maxItems": self.most}


@dataclass(frozen=True)
class MapOf(Kind):
    """A mapping with keys that the user chooses."""

    names: Text
    values: Kind
    most: int = 256

    def read(self, value: Any, path: str, faults: Faults) -> Mapping[str, Any] | None:
        if not isinstance(value, dict):
            faults.add(path, f"expects a mapping, not {type_of(value)}")
            return None
        if len(value) > self.most:
            faults.add(path, f"has {len(value)} keys, and at most {self.most} are possible")
            return None
        found: dict[str, Any] = {}
        for key, each in value.items():
            name = self.names.read(key, join(path, shown(key)), faults)
            found[name or ""] = self.values.read(each, join(path, shown(key)), faults)
        return found

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": self.names.schema(),
            "additionalProperties": self.values.schema(),
            "maxProperties": self.most,
        }


@dataclass(frozen=True)
class Either(Kind):
    """A short form, which is a string, or a long form, which is a mapping."""

    short: Text
    long: Kind

    def read(self, value: Any, path: str, faults: Faults) -> Any:
        if isinstance(value, str):
            return self.short.read(value, path, faults)
        if isinstance(value, dict):
            return self.long.read(value, path, faults)
        faults.add(path, f"expects a string or a mapping, not {type_of(value)}")
        return None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.short.schema(), self.long.schema()]}


@dataclass(frozen=True)
class Share(Kind):
    """A number of machines (20), or a share of them (`10%`)."""

    def read(self, value: Any, path: str, faults: Faults) -> Limit | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST_LIST:
            return Limit(number=value)
        if isinstance(value, str) and (limit := limit_of(value)):
            return limit
        faults.add(path, "expects a number of machines such as 20, or a share such as 10%")
        return None

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LONGEST_LIST},
                {"type": "string", "pattern": "^[0-9]{1,6}$|^[0-9]{1,3}(\\.[0-9]{1,3})?%$"},
            ]
        }


def limit_of(text: str) -> Limit | None:
    """The limit of `N` or `P%`; None if the text is neither."""
    if re.fullmatch(r"[0-9]{1,6}", text):
        return Limit(number=int(text))
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?%", text) and float(text[:-1]) <= 100:
        return Limit(percent=float(text[:-1]))
    return None


@dataclass(frozen=True)
class Measured(Kind):
    """A number with a unit, such as `10Mbit` or `5m`. `units` are factors by unit."""

    units: Mapping[str, float]
    example: str

    def read(self, value: Any, path: str, faults: Faults) -> float | None:
        amount = measured(value, self.units) if isinstance(value, str) else None
        if not amount:
            faults.add(
                path, f"expects a value above 0, such as `{self.example}` (units: {', '.join(self.units)})"
            )
        return amount

    def schema(self) -> dict[str, Any]:
        units = "|".join(self.units)
        return {"type": "string", "pattern": f"^[0-9]{{1,9}}(\\.[0-9]{{1,3}})?({units})$"}


def measured(text: str, units: Mapping[str, float]) -> float | None:
    """The number of a text with one of the units; None if it has another form."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([A-Za-z]+)", text)
    return float(found[1]) * units[found[2]] if found and found[2] in units else None


# Bytes a second: lines are sold in bits, files are measured in bytes.
RATES = {"kbit": 125.0, "Mbit": 125e3, "Gbit": 125e6, "KiB": 1024.0, "MiB": 1048576.0, "GiB": 1073741824.0}
TIMES = {"s": 1.0, "m": 60.0, "h": 3600.0}
