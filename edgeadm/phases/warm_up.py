from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edgeadm.config.ticket import is_edge
from edgeadm.core.phase import Context, Verdict
from edgeadm.errors import ApiError, CommandError, UnreachableError, WaitError
from edgeadm.phases.answers import ALSO_FOR, LISTS, OWN
from edgeadm.phases.lite_files import AUTHORITY, CACHE, address_of
from edgeadm.phases.membership import CLIENT, cluster_facts, has_credentials, known_facts
from edgeadm.phases.node_files import HELPER, SNAPSHOT, SUBNET, has_helper
from edgeadm.phases.node_name import node_name

FLANNELS_OWN = "flannel.alpha.coreos.com/backend-data"
PATIENCE = 300.0
POLL = 0.25


@dataclass(frozen=True)
class WarmUp:
    """Waits until this node could start without the cloud: its programs have asked lite-apiserver for all
    they need then, and the answers are where a power cut does not break them. Objects that were not there yet
    when a program asked for them are asked for in its name."""

    name: str = "warm-up"
    summary: str = "prefetch what this node needs to start without the cloud"
    patience: float = PATIENCE

    def check(self, ctx: Context) -> Verdict:
        if not is_edge(ctx.config):
            return Verdict(needed=False, reason="this is not to be an edge node")
        if not has_helper(ctx):
            return Verdict(needed=False, reason=f"{HELPER} is missing, which would check it")
        if cluster_facts(ctx) is None or not has_credentials(ctx):
            return Verdict(needed=True, reason="this host is not a node yet")
        if ctx.journal.unfinished("join", self.name):
            return Verdict(needed=True, reason="an earlier run was cut off before it knew enough")
        missing = [*_missing(ctx), *_missing_objects(ctx)]
        if missing:
            return Verdict(needed=True, reason=f"not cached on this node yet: {', '.join(missing)}")
        return Verdict(needed=False, reason="this node can start without the cloud")

    def apply(self, ctx: Context) -> None:
        if not is_edge(ctx.config) or not has_helper(ctx) or not has_credentials(ctx):
            return  # a dry run has joined nothing
        self._wait(ctx)
        # flannel asked for its own node before it had written its link's address there, and asks only once.
        ctx.host.run(HELPER, "ask", *_whom(ctx))
        ctx.host.run(HELPER, "keep", "--once", f"--cache={CACHE}", f"--snapshot={SNAPSHOT}")
        ctx.say("everything that this node needs without the cloud is cached")

    def undo(self, ctx: Context) -> None:
        """It has only waited."""

    def _wait(self, ctx: Context) -> None:
        end = time.monotonic() + self.patience
        ctx.say("waiting until everything is cached that this node needs without the cloud")
        while missing := [*_missing(ctx), *_unwritten(ctx)] or list(self._ask_for_objects(ctx)):
            if time.monotonic() > end:
                waiting = list(_waiting(ctx))
                where = "" if waiting else "see `kubectl get pods -A -o wide` on a control plane; "
                raise WaitError(
                    f"this node cannot start without the cloud yet, after {self.patience:g} s",
                    context="\n".join([f"not cached: {', '.join(missing)}", *waiting]),
                    hint=f"{where}run the same command again to keep waiting",
                )
            time.sleep(POLL)

    def _ask_for_objects(self, ctx: Context) -> Iterator[str]:
        """Ask for those that are missing; those that still are, in words."""
        if any(_missing_objects(ctx)):
            with suppress(CommandError):  # the object may not be there yet
                ctx.host.run(HELPER, "ask", *_whom(ctx))
        return _missing_objects(ctx)


def _whom(ctx: Context) -> list[str]:
    server = address_of(known_facts(ctx), ctx.config.join.lite_apiserver_port)
    return [f"--server={server}", f"--client={CLIENT}", f"--ca={AUTHORITY}", f"--node={node_name(ctx)}"]


def _programs(ctx: Context) -> Iterator[str]:
    """Those on this node that ask lite-apiserver."""
    facts = known_facts(ctx)
    yield "kubelet"
    yield from facts.edge_programs
    if facts.edge_dns:
        yield "coredns"


def _missing(ctx: Context) -> Iterator[str]:
    """What nobody could be answered with, in words."""
    entries = _entries(ctx)
    for program in _programs(ctx):
        for resource in LISTS.get(program, ()):
            if not any(_answers(each, program, resource) for each in entries):
                yield f"{resource} for {program}"
    if "flannel" in known_facts(ctx).edge_programs and not ctx.host.read(SUBNET):
        yield SUBNET


def _missing_objects(ctx: Context) -> Iterator[str]:
    """Objects of this node that a program will ask for and would be told that there are none, in words."""
    entries = _entries(ctx)
    for program in _programs(ctx):
        for resource in OWN.get(program, ()):
            own = [each for each in entries if each.get("name") == node_name(ctx) and each["verb"] == "get"]
            if not any(_answers(each, program, resource) for each in own):
                yield f"{resource}/{node_name(ctx)} for {program}"


def _answers(entry: dict[str, Any], program: str, resource: str) -> bool:
    names = (program, *ALSO_FOR.get(program, ()))
    by = str(entry["userAgent"]).lower().startswith(names)
    return by and entry["resource"] == resource and bool(entry["whole"])


def _unwritten(ctx: Context) -> Iterator[str]:
    """What flannel has not written down yet for others to find, and for itself when it starts again."""
    if "flannel" not in known_facts(ctx).edge_programs:
        return
    try:
        node = ctx.outside().get(f"/api/v1/nodes/{node_name(ctx)}") or {}
    except (UnreachableError, ApiError):
        node = {}
    if FLANNELS_OWN not in (node.get("metadata", {}).get("annotations") or {}):
        yield "the address of this node's flannel"


def _waiting(ctx: Context) -> Iterator[str]:
    """Why Pods of this node do not run, as their kubelet has told the API."""
    told = ctx.host.ask(HELPER, "pods", "-o", "json", f"--cache={CACHE}")
    try:
        pods = json.loads(told.out)["pods"]
        for pod in pods:
            for why in pod.get("waiting", ()):
                container = f" container {why['container']}" if why.get("container") else ""
                words = ": ".join(part for part in (why["reason"], why.get("message", "")) if part)
                yield f"Pod {pod['namespace']}/{pod['name']}{container} is waiting: {words}"
            if pod["phase"] == "Pending" and not pod.get("waiting"):
                yield f"Pod {pod['namespace']}/{pod['name']} is Pending"
    except (ValueError, KeyError, TypeError):
        return


def _entries(ctx: Context) -> list[dict[str, Any]]:
    told = ctx.host.ask(HELPER, "cache", "-o", "json", f"--cache={CACHE}", f"--snapshot={SNAPSHOT}")
    try:
        found: list[dict[str, Any]] = json.loads(told.out)["entries"]
    except (ValueError, KeyError, TypeError):
        return []
    return found
