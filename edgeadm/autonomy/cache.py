"""Checks that lite-apiserver has cached every response for the node's start, complete and with a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgeadm.autonomy.cached import is_of
from edgeadm.autonomy.node import FLANNEL, KUBELET, OTHER_NETWORK, EdgeNode
from edgeadm.checks.engine import Check, Outcome, Result, failed, not_applicable, ok, refer_to, warning
from edgeadm.node.answers import ALSO_FOR, LISTS, OWN
from edgeadm.node.lite_files import CACHE
from edgeadm.node.offline_files import SNAPSHOT

GROUP = "cache"
DAY = 86_400
# The next copy may not have run yet for such a new entry.
YOUNG = 60
NODES = "nodes"
KEEP_ONLINE = "connect the node to the cloud for a minute while these programs run, then check again"
Entry = dict[str, Any]


def _private(node: EdgeNode) -> Outcome:
    wrong = []
    for path in (CACHE, SNAPSHOT):
        answer = node.host.ask("stat", "-c", "%a %u", path)
        mode, _, owner = answer.out.strip().partition(" ")
        if answer.code:
            wrong.append(f"{path} is missing")
        elif (mode, owner) != ("700", "0"):
            wrong.append(f"{path} has mode 0{mode} and owner {owner}")
    return failed(", ".join(wrong)) if wrong else ok("both directories are accessible only to root")


def _kubelet(node: EdgeNode) -> Outcome:
    found = _warm(KUBELET, exact=True)(node)
    if found.result is Result.OK:
        _ = node.pods  # raises if the responses contain no readable Pods
    return found


def _own_objects(node: EdgeNode) -> Outcome:
    """Objects of this node that kubelet requests at each start, cached for the installed version."""
    version, wanted = node.kubelet_version.removeprefix("v"), OWN[KUBELET]
    ours = [each for each in node.entries if is_of(each, KUBELET) and version in str(each.get("userAgent"))]
    if not ours:
        return refer_to("cache-kubelet")
    gets = [
        each.get("resource") for each in ours if (each.get("name"), each.get("verb")) == (node.name, "get")
    ]
    missing = [each for each in wanted if each not in gets]
    return failed(f"missing: {', '.join(missing)}") if missing else ok(", ".join(wanted))


def _warm(program: str, *, exact: bool = False) -> Callable[[EdgeNode], Outcome]:
    """A check that the program's responses are cached. With `exact`, only responses to the installed version
    count."""
    resources, others = LISTS[program], ALSO_FOR.get(program, ())

    def probe(node: EdgeNode) -> Outcome:
        ours = [each for each in node.entries if any(is_of(each, name) for name in (program, *others))]
        version = node.kubelet_version.removeprefix("v") if exact else ""
        usable = [each for each in ours if version in str(each.get("userAgent"))]
        missing = [each for each in resources if not _has(usable, each, node.name)]
        if not missing:
            return ok(f"{len(usable)} responses, {', '.join(resources)} among them")
        if all(_has(ours, each, node.name) for each in resources):
            return failed(f"all were requested by a version other than v{version}, and are no longer used")
        return failed(f"missing: {', '.join(missing)}")

    return probe


def _has(entries: Sequence[Entry], resource: str, node: str) -> bool:
    """A list of the resource; for Nodes, this Node alone is sufficient."""
    fitting = [each for each in entries if each.get("resource") == resource and not each.get("subresource")]
    if resource == NODES:
        return any(each.get("verb") == "list" or each.get("name") == node for each in fitting)
    return any(each.get("verb") == "list" for each in fitting)


def _kube_proxy(node: EdgeNode) -> Outcome:
    names = [*node.facts.edge_programs, *(str(pod.get("name")) for pod in node.pods)]
    if not any("kube-proxy" in name for name in names):
        return not_applicable("kube-proxy does not run on this node")
    return _warm("kube-proxy")(node)


def _flannel(node: EdgeNode) -> Outcome:
    if not node.has_flannel:
        return not_applicable(OTHER_NETWORK)
    ours = [each for each in node.entries if is_of(each, FLANNEL) and each.get("resource") == NODES]
    missing = []
    if not any(each.get("verb") == "list" for each in ours):
        missing.append("the list of nodes")
    if not any(each.get("name") == node.name for each in ours):
        missing.append(f"its own Node {node.name}")
    return failed(f"missing: {', '.join(missing)}") if missing else ok("the list of nodes and its own Node")


def _dns(node: EdgeNode) -> Outcome:
    if not node.facts.edge_dns:
        return not_applicable("the cluster has no DNS for edge nodes")
    return _warm("coredns")(node)


def _whole(node: EdgeNode) -> Outcome:
    entries = node.entries
    broken = [
        f"{each['key']} ({each.get('reason') or 'not whole'})" for each in entries if not each.get("whole")
    ]
    if broken:
        return failed(f"{len(broken)} of {len(entries)} are damaged: {'; '.join(broken[:5])}")
    return ok(f"{len(entries)} entries") if entries else failed(f"{CACHE} is empty")


def _snapshot(node: EdgeNode) -> Outcome:
    entries = [each for each in node.entries if each.get("ageSeconds", 0) > YOUNG or each.get("snapshot")]
    lacking = [str(each["key"]) for each in entries if not each.get("snapshot")]
    if lacking:
        return failed(f"{SNAPSHOT} lacks {len(lacking)}: {', '.join(lacking[:5])}")
    return ok(f"{SNAPSHOT} contains all {len(entries)}")


def _age(node: EdgeNode) -> Outcome:
    ages = [int(each.get("ageSeconds", 0)) for each in node.entries if is_of(each, KUBELET)]
    if not ages:
        return refer_to("cache-kubelet")
    newest = min(ages)
    if newest > DAY:
        return warning(
            f"the kubelet's newest response is {newest // DAY} days old: the node has been offline for that "
            "long, or lite-apiserver cannot write"
        )
    return ok(f"the kubelet's newest response is {newest // 60} minutes old")


CACHE_CHECKS = (
    Check(
        "cache-private",
        GROUP,
        "the cache, which contains Secrets, and its copy are accessible only to root",
        _private,
        hint=f"`chown root {CACHE} {SNAPSHOT}; chmod 0700 {CACHE} {SNAPSHOT}`",
    ),
    Check("cache-kubelet", GROUP, "the kubelet's responses are cached", _kubelet, hint=KEEP_ONLINE),
    Check(
        "cache-own",
        GROUP,
        "the kubelet's responses about objects of this node are cached: without them it exits soon after a "
        "start",
        _own_objects,
        hint="connect the node to the cloud; `edgeadm-keep` requests them within ten minutes, `join` at once",
    ),
    Check("cache-kube-proxy", GROUP, "kube-proxy's responses are cached", _kube_proxy, hint=KEEP_ONLINE),
    Check("cache-flannel", GROUP, "flannel's responses are cached", _flannel, hint=KEEP_ONLINE),
    Check("cache-dns", GROUP, "the responses of the node's DNS are cached", _dns, hint=KEEP_ONLINE),
    Check(
        "cache-whole",
        GROUP,
        "every cached response is complete",
        _whole,
        hint="`edgeadm-node repair` restores what the copy contains; the rest is fetched from the cloud",
    ),
    Check(
        "snapshot-whole",
        GROUP,
        "every cached response has a durable copy",
        _snapshot,
        hint="`systemctl restart edgeadm-keep` copies them; `edgeadm-node cache` lists both",
    ),
    Check(
        "cache-age",
        GROUP,
        "the cached responses are recent",
        _age,
        hint="Pods that were created or deleted since are not known here: connect the node to the cloud",
    ),
)
