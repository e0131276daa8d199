"""`edgeadm init` against raw `kubeadm init` on identical nodes with everything preloaded; prints JSON.

Each round raises a new sandbox of two bare nodes, lets edgeadm put programs, runtime, images and
configuration on both, and then times one command on each, in turns. Neither has the pod network or the edge
components. Quote the ratio: machines are noisy, and both figures are of the same round.
Usage: bench_init.py [ROUNDS] (root)."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

from edgeadm.package.builder import default_kubernetes
from edgeadm.package.builder.build import cached_package
from edgeadm.sandbox import Node, Sandbox, supplies
from edgeadm.sandbox.teardown import down

VERSION = default_kubernetes()
GOAL = 1.15
# What comes after kubeadm.
LATER = "share-settings,cni,edge-apps"
NETWORK = "--pod-network-cidr=192.168.0.0/16"


def say(text: str) -> None:
    print(text, file=sys.stderr)


def timed(node: Node, argv: list[str]) -> float:
    """Wall seconds of one command; its node is switched off then, so that the next one has the machine."""
    start = time.monotonic()
    node.exec(argv)
    seconds = time.monotonic() - start
    node.power_cut()
    return seconds


def one_round(number: int, package: Path, executable: Path) -> dict[str, float]:
    """Seconds of both commands, each on a node of its own; who goes first alternates."""
    sandbox = Sandbox(f"bench-{os.getpid()}-{number}")
    try:
        nodes = sandbox.up(2, package=package, executable=executable, say=say)
        init = ["edgeadm", "init", "--install-pkg-path", f"/mnt/package/{package.name}", NETWORK]
        for node in nodes:
            node.exec([*init, f"--skip-phases=kubeadm,{LATER}"])
        commands = {
            "kubeadm": ["kubeadm", "init", "--config", "/etc/edgeadm/kubeadm.yaml"],
            "edgeadm": [*init, f"--skip-phases={LATER}"],
        }
        order = list(commands) if number % 2 else list(reversed(commands))
        return {name: timed(node, commands[name]) for name, node in zip(order, nodes, strict=True)}
    finally:
        down(sandbox)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    supplies.ensure_tools(say)
    executable = supplies.executable(say)
    package = cached_package(VERSION, say=say)
    found = [one_round(number, package, executable) for number in range(1, rounds + 1)]
    ratios = [each["edgeadm"] / each["kubeadm"] for each in found]
    print(
        json.dumps(
            {
                "benchmark": "init, everything preloaded, pod network not counted",
                "kubernetes": VERSION,
                "rounds": [{name: round(seconds, 2) for name, seconds in each.items()} for each in found],
                "medianSeconds": {
                    name: round(statistics.median(each[name] for each in found), 2)
                    for name in ("kubeadm", "edgeadm")
                },
                "ratios": [round(ratio, 3) for ratio in ratios],
                "medianRatio": round(statistics.median(ratios), 3),
                "goal": GOAL,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
