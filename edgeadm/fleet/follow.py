"""The events of a run on a machine, line by line. The machine is not trusted: lines that are no events are
skipped, and long ones are cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgeadm.checks.engine import Finding, Result
from edgeadm.errors import EdgeadmError, LockedError
from edgeadm.fleet.errors import InterruptedRunError, RunFailedError
from edgeadm.fleet.preflight import for_document
from edgeadm.fleet.work import OnEvent

MAX_LINE = 64 << 10
MAX_TEXT = 4000
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,7}")
CHECK = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,98}[A-Za-z0-9])?")
MAX_FINDINGS = 50
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LAST = ("result", "error")


@dataclass
class Following:
    """What is known of a run: the number of lines that were seen, and the last event."""

    on_event: OnEvent
    lines: int = 0
    last: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    ended: bool = False
    busy: str = ""
    errors: list[str] = field(default_factory=list)

    def on_line(self, line: str) -> None:
        """Take one line of the script's output."""
        if line.startswith("# "):
            self._own(line[2:])
            return
        self.lines += 1
        event = _event(line)
        if event is None:
            return
        if event["event"] in LAST:
            self.last = event
        self.on_event(event)

    def finish(self, code: int, err: str) -> None:
        """The shell ended. Returns if the run succeeded; raises the error of the run otherwise."""
        if self.busy:
            raise LockedError(
                "another run of edgeadm has not ended on the machine",
                context=_plain(self.busy),
                hint="wait until it has ended",
            )
        if self.last.get("event") == "result" and self.last.get("exitCode") == 0:
            return
        if self.last:
            raise _failed(self.last)
        context = "\n".join(map(_plain, self.errors[-20:])) or _plain(err)
        status = self.status or ("" if self.ended else f"status {code} of the shell")
        raise InterruptedRunError(
            "the run ended without a result" + (f": {_plain(status)}" if status else ""),
            context=context,
            hint="repeat the command: an interrupted join continues",
        )

    def _own(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word == "status":
            self.status = rest
        elif word == "busy":
            self.busy = rest
        elif word == "err":
            self.errors.append(rest)
        elif word == "end":
            self.ended = True


def _event(line: str) -> dict[str, Any] | None:
    if len(line) > MAX_LINE:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("event"), str):
        return None
    return {_plain(str(key)): _clean(value) for key, value in found.items()}


def _clean(value: Any) -> Any:
    """The value without control characters and colours."""
    if isinstance(value, str):
        return _plain(COLOUR.sub("", value))
    if isinstance(value, dict):
        return {_plain(str(key)): _clean(each) for key, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list) else value


def _failed(last: Mapping[str, Any]) -> EdgeadmError:
    code = str(last.get("code", ""))
    code = code if CODE.fullmatch(code) else "run-failed"
    message = _plain(str(last.get("message", ""))) or f"exit status {last.get('exitCode')}"
    context, hint = (_plain(str(last.get(key, ""))) for key in ("context", "hint"))
    if code == LockedError.code:
        return LockedError(message, context=context, hint=hint)
    if found := _findings(last.get("findings")):
        first = found[0]
        context = "\n".join(f"{each.code}: {each.text}" for each in found[1:])
        return RunFailedError(first.text, cause=first.code, context=context, hint=first.hint, findings=found)
    return RunFailedError(message, cause=code, context=context, hint=hint)


def _findings(raw: object) -> list[Finding]:
    """The failed preflight checks of the machine, with hints for the author of a document."""
    every = raw[:MAX_FINDINGS] if isinstance(raw, list) else []
    found = []
    for each in every:
        words = {key: str(value) for key, value in each.items()} if isinstance(each, dict) else {}
        code, group, statement = (words.get(key, "") for key in ("code", "group", "statement"))
        if CHECK.fullmatch(code):
            text = words.get("found", "") or f"not true: {statement}"
            finding = Finding(code, group, statement, Result.FAILED, text, words.get("hint", ""))
            found.append(for_document(finding))
    return found


def _plain(text: str) -> str:
    """The text without control characters except line breaks, and of limited length."""
    return "".join(each for each in text[:MAX_TEXT] if each.isprintable() or each == "\n")
