"""Link quality: delay, loss and rate of a node's link in both directions, applied at the switch.

Packets to the node are queued at the egress of the switch. Packets from it are redirected to an `ifb` link at
the ingress of the switch, and queued there. So a node cannot undo it, and its own queues do not change. A
kernel without netem still limits the rate (tbf) and drops packets (nftables), but cannot delay them.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from edgeadm.hosts.process import execute
from edgeadm.sandbox import names
from edgeadm.sandbox.errors import LineError, SandboxKernelError
from edgeadm.sandbox.state import NodeRecord, SandboxRecord

DELAY = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
LOSS = re.compile(r"(\d+(?:\.\d+)?)%")
RATE = re.compile(r"(\d+(?:\.\d+)?)(kbit|mbit|gbit)")
KBIT = {"kbit": 1, "mbit": 1000, "gbit": 1_000_000}
PARTS = 10_000  # of which nftables drops a share
EVERYTHING = ("protocol", "all", "u32", "match", "u32", "0", "0", "action", "mirred", "egress")
QUEUE = 400  # maximum queueing time of a packet in ms
LOST = (
    "table bridge {table} {{ chain forward "
    "{{ type filter hook forward priority -10; policy accept; {rules} }}; }}"
)


@dataclass(frozen=True)
class Line:
    """`delay` in ms, each way; `loss` in percent, each way; `rate` in kbit/s, each way. 0 means unlimited."""

    delay: float = 0
    loss: float = 0
    rate: float = 0

    def __str__(self) -> str:
        words = (("delay", self.delay, "ms"), ("loss", self.loss, "%"), ("rate", self.rate, "kbit"))
        return " ".join(f"{name} {value:g}{unit}" for name, value, unit in words if value) or "good"

    @property
    def is_good(self) -> bool:
        """Whether no limit applies."""
        return self == Line()


GOOD = Line()


def parse_line(delay: str | None, loss: str | None, rate: str | None) -> Line:
    """Parse the flags: `300ms`, `5%`, `1mbit`. Raises LineError."""
    ms = _number("--delay", delay, DELAY, "300ms or 1.5s", {"ms": 1, "s": 1000})
    percent = _number("--loss", loss, LOSS, "5%", {})
    if percent > 100:
        raise LineError(f"--loss: {loss} is more than 100%", hint="such as 5%")
    return Line(ms, percent, _number("--rate", rate, RATE, "256kbit or 1mbit", KBIT))


def read_line(folder: Path) -> Line:
    """The link quality of the node with this directory; unlimited by default."""
    try:
        return Line(**json.loads((folder / "line.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return GOOD


def keep_line(folder: Path, line: Line, commands: list[list[str]]) -> None:
    """Store it for the next boots: each creates a new link, which the script `line` configures."""
    if line.is_good:
        for name in ("line.json", "line"):
            (folder / name).unlink(missing_ok=True)
        return
    (folder / "line").write_text("".join(f"{shlex.join(each)} || exit\n" for each in commands))
    (folder / "line.json").write_text(json.dumps(asdict(line)))


def has_netem(record: SandboxRecord) -> bool:
    """Whether this kernel can delay packets, tested on an unused link of the switch."""
    tc = ["tc", "-n", names.switch_netns(record.name), "qdisc"]
    if execute([*tc, "add", "dev", "lo", "root", "netem"]).code:
        return False
    execute([*tc, "del", "dev", "lo", "root"]).checked()
    return True


def set_line(record: SandboxRecord, node: NodeRecord, line: Line, *, netem: bool) -> list[list[str]]:
    """The commands that apply this quality to an unlimited link. Raises SandboxKernelError if a delay is
    requested without netem."""
    switch, back = names.switch_netns(record.name), _back(node)
    tc = ["tc", "-n", switch]
    commands: list[list[str]] = []
    shaped = _shaped(line, netem=netem)
    if shaped:
        commands += [
            ["ip", "-n", switch, "link", "add", back, "type", "ifb"],
            ["ip", "-n", switch, "link", "set", back, "up"],
            [*tc, "qdisc", "add", "dev", node.name, "handle", "ffff:", "ingress"],
            [*tc, "filter", "add", "dev", node.name, "parent", "ffff:", *EVERYTHING, "redirect", "dev", back],
            [*tc, "qdisc", "add", "dev", node.name, "root", *shaped],
            [*tc, "qdisc", "add", "dev", back, "root", *shaped],
        ]
    if line.loss and not netem:
        parts = round(line.loss / 100 * PARTS)
        chance = f"numgen random mod {PARTS} < {parts} drop"
        rules = f"iifname {node.name} {chance}; oifname {node.name} {chance};"
        text = LOST.format(table=_table(node), rules=rules)
        commands.append(["ip", "netns", "exec", switch, "nft", text])
    return commands


def clear_line(record: SandboxRecord, node: NodeRecord) -> list[list[str]]:
    """The commands that reset the link; they fail if there is nothing to reset."""
    switch = names.switch_netns(record.name)
    return [
        ["tc", "-n", switch, "qdisc", "del", "dev", node.name, "root"],
        ["tc", "-n", switch, "qdisc", "del", "dev", node.name, "ingress"],
        ["ip", "-n", switch, "link", "del", _back(node)],
        ["ip", "netns", "exec", switch, "nft", "delete", "table", "bridge", _table(node)],
    ]


def _shaped(line: Line, *, netem: bool) -> list[str]:
    """The queue as arguments of tc; empty if unlimited."""
    if netem:
        limit = ["limit", "10000"]
        words = [*(["delay", f"{line.delay:g}ms"] if line.delay else [])]
        words += ["loss", f"{line.loss:g}%"] if line.loss else []
        words += ["rate", f"{line.rate:g}kbit"] if line.rate else []
        return ["netem", *limit, *words] if words else []
    if line.delay:
        raise SandboxKernelError(
            "this kernel cannot delay packets: the module netem is missing",
            hint="load it with `modprobe sch_netem`, if it is installed; `--loss` and `--rate` work without",
        )
    if not line.rate:
        return []
    burst = max(3200, round(line.rate * 1000 / 8 / 50))  # bytes: a fiftieth of a second, at least two packets
    return ["tbf", "rate", f"{line.rate:g}kbit", "burst", str(burst), "latency", f"{QUEUE}ms"]


def _number(flag: str, text: str | None, form: re.Pattern[str], example: str, units: dict[str, int]) -> float:
    if text is None:
        return 0
    found = form.fullmatch(text.strip().lower())
    if found is None:
        raise LineError(f"{flag}: invalid value `{text}`", hint=f"use a value such as {example}")
    return float(found[1]) * (units[found[2]] if units else 1)


def _back(node: NodeRecord) -> str:
    return f"{node.name}-in"


def _table(node: NodeRecord) -> str:
    return f"line-{node.name}"
