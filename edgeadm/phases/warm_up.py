"""The prefetch of everything that an edge node requires to start without the cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import ApiError, CommandError, UnreachableError
from edgeadm.node.answers import ALSO_FOR, LISTS, OWN
from edgeadm.node.applies import to_edge_nodes
from edgeadm.node.lite_files import AUTHORITY, CACHE, address_of
from edgeadm.node.membership import CLIENT, cluster_facts, has_credentials, known_facts
from edgeadm.node.name import node_name
from edgeadm.node.offline_files import HELPER, SNAPSHOT, SUBNET, has_helper

FLANNELS_OWN = "flannel.alpha.coreos.com/backend-data"
PATIENCE = 300.0
POLL = 0.25


@dataclass(frozen=True)
class WarmUp(Phase):
    """Waits until this node could start without the cloud: lite-apiserver has cached what the node's programs
    request at a start, safe from a power cut. Missing objects are requested in the programs' names."""

    name: str = "warm-up"
    summary: str = "prefetch what this node needs to start without the cloud"
    when = staticmethod(to_edge_nodes)

    def check(self, ctx: Context) -> Verdict:
        if not has_helper(ctx):
            return Verdict(needed=False, reason=f"{HELPER} is missing, which would check it")
        if cluster_facts(ctx) is None or not has_credentials(ctx):
            return Verdict(needed=True, reason="this host is not a node yet")
        if ctx.interrupted:
            return Verdict(needed=True, reason="an earlier run was cut off before it knew enough")
        missing = [*_missing(ctx), *_missing_objects(ctx)]
        if missing:
            return Verdict(needed=True, reason=f"not cached on this node yet: {', '.join(missing)}")
        return Verdict(needed=False, reason="this node can start without the cloud")

    def lacks(self, ctx: Context) -> str:
        return "" if has_credentials(ctx) else "this host is not a node"

    def apply(self, ctx: Context) -> None:
        self._wait(ctx)
        # flannel asked for its own node before it had written its link's address there, and asks only once.
        ctx.host.run(HELPER, "ask", *_whom(ctx))
        ctx.host.run(HELPER, "keep", "--once", f"--cache={CACHE}", f"--snapshot={SNAPSHOT}")
        ctx.say("everything that this node needs without the cloud is cached")

    def _wait(self, ctx: Context) -> None:
        ctx.say("waiting until everything is cached that this node needs without the cloud")
        ctx.wait.until(
            "everything is cached that this node needs without the cloud",
            lambda: not any(self._still_missing(ctx)),
            seconds=PATIENCE,
            every=POLL,
            context=lambda: _why_missing(ctx),
            hint=lambda: _what_to_do(ctx),
        )

    def _still_missing(self, ctx: Context) -> list[str]:
        return [*_missing(ctx), *_unwritten(ctx)] or list(self._ask_for_objects(ctx))

    def _ask_for_objects(self, ctx: Context) -> Iterator[str]:
        """Ask for those that are missing; those that still are, in words."""
        if any(_missing_objects(ctx)):
            with suppress(CommandError):  # the object may not be there yet
                ctx.host.run(HELPER, "ask", *_whom(ctx))
        return _missing_objects(ctx)


def _why_missing(ctx: Context) -> str:
    missing = [*_missing(ctx), *_unwritten(ctx), *_missing_objects(ctx)]
    return "\n".join([f"not cached: {', '.join(missing)}", *_waiting(ctx)])


def _what_to_do(ctx: Context) -> str:
    more = "" if any(_waiting(ctx)) else "see `kubectl get pods -A -o wide` on a control plane; "
    return f"{more}run the same command again to keep waiting"


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
    """The missing responses, as text."""
    entries = _entries(ctx)
    for program in _programs(ctx):
        for resource in LISTS.get(program, ()):
            if not any(_answers(each, program, resource) for each in entries):
                yield f"{resource} for {program}"
    if "flannel" in known_facts(ctx).edge_programs and not ctx.host.read(SUBNET):
        yield SUBNET


def _missing_objects(ctx: Context) -> Iterator[str]:
    """Objects of this node that a program will request and that do not exist yet, as text."""
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
    """Files and annotations that flannel has not written yet."""
    if "flannel" not in known_facts(ctx).edge_programs:
        return
    try:
        node = ctx.outside().get(f"/api/v1/nodes/{node_name(ctx)}") or {}
    except (UnreachableError, ApiError):
        node = {}
    if FLANNELS_OWN not in (node.get("metadata", {}).get("annotations") or {}):
        yield "the address of this node's flannel"


def _waiting(ctx: Context) -> Iterator[str]:
    """Reasons why Pods of this node do not run, from their status."""
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
