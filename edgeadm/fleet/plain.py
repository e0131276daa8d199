"""Texts that came from a machine, and measures, for display."""

from __future__ import annotations

MIB = 1 << 20
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def plain(text: str, limit: int = 300) -> str:
    """The text in one line, without characters that a terminal interprets: control and formatting characters,
    also those that change the direction of text, are shown as escapes. A longer text is cut."""
    short = " ".join(text[: limit * 4].split()) if not text.isprintable() else text
    safe = "".join(each if each.isprintable() else _escaped(each) for each in short)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def plain_lines(text: str, limit: int = 20) -> list[str]:
    """Each line of a text as `plain` shows it; of many, the last ones."""
    lines = [plain(line) for line in text.splitlines() if line.strip()]
    return lines[-limit:]


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode()


def size(count: int) -> str:
    """A number of bytes for people: 310 MiB, 1.2 GiB."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {UNITS[unit]}" if unit < 2 or value >= 10 else f"{value:.1f} {UNITS[unit]}"


def duration(seconds: float) -> str:
    """A time for people: 9.8 s, 48 s, 2 min 48 s, 1 h 5 min."""
    tenths = max(round(seconds * 10), 0)
    if tenths < 100:
        return f"{tenths / 10:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def number(count: int, noun: str = "machine") -> str:
    """1 machine, 2 machines."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
