"""The saved states of groups of tests, which replace the creation of a cluster.

A state is created once, by the first group that needs it, and kept in the store of sandboxes under a key of
its inputs: package, executable, root image, and this file. Its subnet and addresses stay, because
certificates and etcd depend on them; groups run on detached copies, in parallel.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeadm.assets import cache_root
from edgeadm.sandbox import Node, Sandbox, Store, image, recipe, saved
from edgeadm.sandbox.errors import NoSavedStateError
from edgeadm.sandbox.teardown import down
from tests.e2e import cluster
from tests.e2e.cluster import ADMIN, NETWORK, TOKEN, WITHOUT_TUNNEL, package_in, pin_of
from tests.e2e.waiting import until

KEPT = 2  # of each state: those of the last two executables
# Bytes that the sandboxes of all workers use together: with less, only states of this executable are kept.
NEEDED = 45 << 30
SITES = {"edge1": ("site-a", "51003"), "edge2": ("site-b", "52003")}


def control_plane(sandbox: Sandbox, *more: str) -> None:
    """cp1 is a control plane; its token does not expire, because the state may be restored later."""
    cp1 = sandbox.node("cp1")
    words = ["--install-pkg-path", package_in(cp1), "--token", TOKEN, "--token-ttl", "0", *NETWORK]
    cp1.exec(["edgeadm", "init", *words, *more])


def bare_control_plane(sandbox: Sandbox) -> None:
    """cp1 without the edge components that have their own tests."""
    control_plane(sandbox, *WITHOUT_TUNNEL)


def site(sandbox: Sandbox) -> None:
    """cp1 with every edge component; edge1 and edge2 have joined, each with its own label and port."""
    control_plane(sandbox)
    cp1 = sandbox.node("cp1")
    words = ["--token", TOKEN, "--discovery-token-ca-cert-hash", pin_of(cp1), "--install-pkg-path"]

    def join(name: str) -> None:
        label, port = SITES[name]
        own = ["--node-labels", f"site={label}", "--lite-apiserver-port", port]
        sandbox.node(name).exec(["edgeadm", "join", f"{cp1.ip}:6443", *words, package_in(cp1), *own])

    with ThreadPoolExecutor(len(SITES)) as pool:
        list(pool.map(join, SITES))


def installed(sandbox: Sandbox) -> None:
    """cp1 has programs, containerd and images, but no cluster."""
    cp1 = sandbox.node("cp1")
    for phase in ("package", "node", "runtime", "images"):
        cp1.exec(["edgeadm", "init", "phase", phase, "--install-pkg-path", package_in(cp1)])


@dataclass(frozen=True)
class Start:
    """A state: its nodes, the function that creates it from bare nodes, and whether it contains a cluster."""

    make: Callable[[Sandbox], None]
    nodes: dict[str, int] = field(default_factory=lambda: {"control_planes": 1})
    cluster: bool = True


STARTS = {
    "installed": Start(installed, cluster=False),
    "control-plane": Start(bare_control_plane),
    "site": Start(site, {"control_planes": 1, "edges": 2}),
}


def state_name(start: str, *made_of: Path) -> str:
    """The name of the saved state, which depends on its inputs."""
    known = hashlib.sha256()
    for source in (__file__, cluster.__file__, image.__file__, recipe.__file__):
        known.update(Path(source).read_bytes())
    for path in made_of:
        found = path.stat()
        known.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return f"t-{start}-{known.hexdigest()[:12]}"


def ensure(start: str, name: str, store: Store, raise_bare: Callable[..., Sandbox]) -> None:
    """Create and save the state if it does not exist; other processes that need it wait."""
    locks = cache_root() / ".starts"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(NoSavedStateError):
            if not saved.find(store, name).missing_images():
                return
            saved.delete(store, name)
        _forget_old(start, store)
        wanted = STARTS[start]
        sandbox = raise_bare(**wanted.nodes, detached=True)
        wanted.make(sandbox)
        if wanted.cluster:
            until(lambda: is_whole(sandbox, 0.0), f"the cluster of `{start}` is whole")
        saved.save(sandbox, name, print, switch_on=False)
        assert sandbox.forwarded_packets() == 0
        down(sandbox)


def wait_whole(sandbox: Sandbox, since: float) -> None:
    """Wait until every node and Pod of a restored cluster is ready, by conditions reported after `since`."""
    until(lambda: is_whole(sandbox, since), "the restored cluster is whole", pause=0.5)


def is_whole(sandbox: Sandbox, since: float) -> bool:
    """Whether every node and every Pod is ready, as reported after `since` (seconds of the epoch)."""
    cp1 = sandbox.node("cp1")
    found = _items(cp1, "get", "nodes,pods,leases", "-A")
    pods = [each for each in found if each["kind"] == "Pod"]
    nodes = {each["metadata"]["name"] for each in found if each["kind"] == "Node" and _is(each, "Ready")}
    renewed = {
        each["metadata"]["name"]
        for each in found
        if each["metadata"].get("namespace") == "kube-node-lease"
        and _time(each["spec"]["renewTime"]) >= since
    }
    return nodes == renewed == {node.name for node in sandbox.nodes} and all(
        _runs(pod, since) for pod in pods
    )


def _runs(pod: dict[str, Any], since: float) -> bool:
    """Whether the Pod is ready, and each of its containers was started after `since`."""
    containers = pod["status"].get("containerStatuses") or []
    started = [each.get("state", {}).get("running", {}).get("startedAt") for each in containers]
    return bool(started) and all(at and _time(at) >= since for at in started) and _is(pod, "Ready")


def _is(obj: dict[str, Any], condition: str) -> bool:
    conditions = obj["status"].get("conditions") or []
    return any((each["type"], each["status"]) == (condition, "True") for each in conditions)


def _items(cp1: Node, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cp1.exec([*ADMIN, *args, "-o", "json"]).out)["items"]
    return found


def _time(text: str) -> float:
    """Seconds of the epoch; the API has whole seconds or microseconds, always UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _forget_old(start: str, store: Store) -> None:
    """Keep the most recent states of this kind: each executable has its own."""
    mine = [state for state in saved.every(store) if state.name.startswith(f"t-{start}-")]
    kept = KEPT if shutil.disk_usage(store.base).free > NEEDED else 1
    for state in sorted(mine, key=lambda state: state.saved, reverse=True)[kept - 1 :]:
        with suppress(NoSavedStateError):
            saved.delete(store, state.name)


def now() -> float:
    """The time in the API's format: whole seconds."""
    return float(int(time.time()))
