"""The reason why the Pod of a Job does not run: without it, a task would only be `creating`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.apps.facts import NAMESPACE
from edgeadm.cluster import Object, Store
from edgeadm.cluster.conditions import is_ready

# Reasons of kubelet (pkg/kubelet/images/types.go).
IMAGE = frozenset(
    {
        *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"),
        *("ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"),
    }
)
# Reasons of a container that is only being created.
STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True)
class Trouble:
    """`reason` is a word as conditions have it, `message` contains a hint."""

    reason: str
    message: str


def trouble(store: Store, run: str, proxy: str, image: str) -> Trouble | None:
    """The reason why the Job `run` does not work on its node; None if it works or starts. Raises the errors
    of the API."""
    node = store.get("v1", "Node", proxy)
    if node is None:
        return Trouble("ProxyNodeMissing", f"the node {proxy} does not exist any more; create the task again")
    if not is_ready(node):
        hint = f"`kubectl describe node {proxy}` shows its conditions"
        return Trouble("ProxyNodeNotReady", f"the proxy node {proxy} is not Ready; {hint}")
    pods = store.list_objects("v1", "Pod", NAMESPACE, labels=f"job-name={run}")
    return next((found for each in pods for found in _of_pod(each, proxy, image)), None)


def _of_pod(pod: Object, proxy: str, image: str) -> Iterator[Trouble]:
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    look = f"`kubectl -n {NAMESPACE} describe pod {name}` shows its events"
    for each in status.get("containerStatuses") or ():
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason, told = str(waiting.get("reason") or ""), str(waiting.get("message") or "")[:300]
        text = f": {told}" if told else ""
        if reason in IMAGE:
            yield Trouble(
                reason,
                f"the node {proxy} does not have the image {image}, and cannot pull it{text}; import it "
                f"there with `ctr -n k8s.io images import`, or install the node from a package of edgeadm",
            )
        elif reason not in STARTING:
            yield Trouble(reason, f"the Job on {proxy} does not start{text}; {look}")
    for each in status.get("conditions") or ():
        if (each.get("type"), each.get("status")) == ("PodScheduled", "False"):
            text = str(each.get("message") or "")[:300]
            reason = str(each.get("reason") or "Unschedulable")
            yield Trouble(reason, f"the Pod of the Job was not assigned to {proxy}: {text}; {look}")
