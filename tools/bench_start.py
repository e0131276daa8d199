"""How long `edgeadm version` takes, from the executable and as installed, in turns; prints JSON.

Usage: bench_start.py [RUNS]"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from edgeadm.assets import cache_root
from edgeadm.hosts.process import execute
from edgeadm.package.executable import executable_tree

GOALS = {"executable": 300, "installed": 120}


def say(text: str) -> None:
    print(text, file=sys.stderr)


def milliseconds(program: str) -> float:
    """Wall time of one start."""
    start = time.monotonic()
    execute([program, "version"]).checked()
    return 1000 * (time.monotonic() - start)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    programs = {
        "executable": str(executable_tree(cache_root(), say) / "edgeadm"),
        "installed": str(Path(sys.executable).with_name("edgeadm")),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            times[name].append(milliseconds(program))
    medians = {name: round(statistics.median(found), 1) for name, found in times.items()}
    print(
        json.dumps({"benchmark": "edgeadm version", "medianMilliseconds": medians, "goals": GOALS}, indent=2)
    )


if __name__ == "__main__":
    main()
