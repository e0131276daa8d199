"""Checks that the images of this node's Pods stay on the node, because it has no registry to pull them
from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeadm.autonomy.node import EdgeNode
from edgeadm.checks.engine import Check, Outcome, failed, ok, warning
from edgeadm.hosts import facts

GROUP = "images"
GIB = 1 << 30
SANDBOX = "the sandbox of every Pod"


def full_name(name: str) -> str:
    """The image's name in containerd: with its registry, and with a tag if it has no digest."""
    name, at, digest = name.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in first and ":" not in first and first != "localhost":
        name = f"docker.io/{name}"
    folder, _, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    return f"{folder}/{repository}@{digest}" if at else f"{folder}/{repository}:{tag or 'latest'}"


def _wanted(node: EdgeNode) -> dict[str, str]:
    """Image → the first Pod that requires it."""
    found: dict[str, str] = {}
    runtime = facts.runtime(node.host)
    if runtime is not None and runtime.sandbox_image:
        found[full_name(runtime.sandbox_image)] = SANDBOX
    for pod, image in _images(node):
        found.setdefault(full_name(str(image.get("name"))), f"{pod['namespace']}/{pod['name']}")
    return found


def _images(node: EdgeNode) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for pod in node.pods:
        for image in pod.get("images") or []:
            yield pod, image


def _there(node: EdgeNode) -> dict[str, dict[str, Any]]:
    """Images by each of their names: an image of a package may have the name of a second registry as well."""
    return {
        full_name(str(name)): each
        for each in node.images.every("images")
        for name in each.get("names") or [each.get("name")]
    }


def _present(node: EdgeNode) -> Outcome:
    there, wanted = _there(node), _wanted(node)
    missing = [f"{name} ({why})" for name, why in wanted.items() if name not in there]
    return failed(f"missing: {', '.join(missing)}") if missing else ok(f"all {len(wanted)} are present")


def _pinned(node: EdgeNode) -> Outcome:
    there = _there(node)
    loose = [name for name in _wanted(node) if name in there and not there[name].get("pinned")]
    if not loose:
        return ok("image garbage collection is off")
    large = [name for name in loose if there[name].get("fits") is False]
    if len(large) == len(loose):
        bound = _gib(node.images.document.get("limitBytes"))
        return warning(f"not pinned, because pinned images may use only {bound}: {', '.join(large)}")
    return failed(f"not pinned: {', '.join(name for name in loose if name not in large)}")


def _always(node: EdgeNode) -> Outcome:
    stuck = dict.fromkeys(
        f"{pod['namespace']}/{pod['name']}" for pod, image in _images(node) if image.get("policy") == "Always"
    )
    if not stuck:
        return ok("no Pod always pulls its image")
    return warning(f"cannot start without their registry: {', '.join(stuck)}")


def _bound(node: EdgeNode) -> Outcome:
    document = node.images.document
    taken, bound = int(document.get("pinnedBytes") or 0), int(document.get("limitBytes") or 0)
    if bound and taken > bound:
        return warning(f"they use {_gib(taken)}, the limit is {_gib(bound)}")
    return ok(f"they use {_gib(taken)}{f' of {_gib(bound)}' if bound else ''}")


def _gib(size: Any) -> str:
    return f"{int(size or 0) / GIB:.1f} GiB"


IMAGE_CHECKS = (
    Check(
        "images-present",
        GROUP,
        "every image of this node's Pods is present",
        _present,
        hint="pull it while the cloud is reachable, or `ctr -n k8s.io images import FILE`",
    ),
    Check(
        "images-pinned",
        GROUP,
        "images are pinned, and kept if the disk fills",
        _pinned,
        hint="`systemctl restart edgeadm-keep` pins as many as fit; for more, use a larger disk or fewer "
        "images",
    ),
    Check(
        "images-always",
        GROUP,
        "no Pod pulls its image at each start",
        _always,
        hint="set `imagePullPolicy: IfNotPresent` and an immutable tag in the Pod templates",
    ),
    Check(
        "images-bound",
        GROUP,
        "pinned images leave room for everything else",
        _bound,
        hint="remove images that no Pod needs: `edgeadm-node images` lists them",
    ),
)
