"""How fast a package is verified, and how much memory that takes: JSON on stdout.

    python tools/bench_package.py PACKAGE [--rounds 5] [--times 3]

Each round runs `zstd -d | sha256sum` and our verify on the same file, one after the other, so that both see
the same machine. The memory is the peak of a process of its own, which only verifies. With `--times N` the
same is measured for a package that holds everything N times."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from edgeadm.hosts.process import execute
from edgeadm.package import unpack, verify
from edgeadm.package.write import Input, write_package

PIPELINE = 'zstd -dcq "$1" | sha256sum'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _show(_verify_alone(given.package))
        return
    results = {"once": _measure(given.package, given.rounds)}
    if given.times > 1:
        with tempfile.TemporaryDirectory(dir=given.package.parent) as folder:
            larger = _multiplied(given.package, given.times, Path(folder))
            results[f"{given.times} times"] = _measure(larger, given.rounds)
    _show(results)


def _measure(package: Path, rounds: int) -> dict[str, Any]:
    pipeline, ours, peaks = [], [], []
    for _ in range(rounds):
        started = time.monotonic()
        execute(["sh", "-c", PIPELINE, "sh", str(package)]).checked()
        pipeline.append(time.monotonic() - started)
        alone = execute([sys.executable, __file__, str(package), "--child"]).checked()
        answer = json.loads(alone.out)
        ours.append(answer["seconds"])
        peaks.append(answer["peakMib"])
    return {
        "packageMib": round(package.stat().st_size / (1 << 20), 1),
        "pipelineSeconds": round(statistics.median(pipeline), 3),
        "verifySeconds": round(statistics.median(ours), 3),
        # Each pair saw the same machine; above 1 we are quicker.
        "speedRatio": round(statistics.median(a / b for a, b in zip(pipeline, ours, strict=True)), 3),
        "peakMib": max(peaks),
        "rounds": rounds,
    }


def _verify_alone(package: Path) -> dict[str, float]:
    started = time.monotonic()
    verify(package)
    seconds = time.monotonic() - started
    return {"seconds": seconds, "peakMib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def _multiplied(package: Path, times: int, folder: Path) -> Path:
    """A package with every file of the package several times, under other paths."""
    manifest = unpack(package, folder / "unpacked")
    inputs = [
        Input(folder / "unpacked" / each.path, f"{number}/{each.path}", each.roles, "other", each.mode)
        for number in range(times)
        for each in manifest.files
    ]
    target = folder / "larger.tar.zst"
    write_package(target, inputs, edgeadm="bench", kubernetes=manifest.kubernetes, arch=manifest.arch)
    return target


def _show(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
