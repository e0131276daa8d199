"""Events of the controller, without secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgeadm.apps.facts import NAMESPACE
from edgeadm.apps.fleet import CONTROLLER
from edgeadm.cluster import Object, Store
from edgeadm.errors import ApiError, UnreachableError
from edgeadm.fleet.controller.status import LONGEST, now


@dataclass
class Notes:
    """Creates Events in the namespace of the controller, and prints a line for each. An Event that cannot be
    created is only printed: nothing depends on it."""

    store: Store
    identity: str
    say: Callable[[str], None] = lambda _text: None
    _last: dict[tuple[str, str], str] = field(default_factory=dict)

    def about(
        self, obj: Object, reason: str, message: str, *, warning: bool = False, topic: str = ""
    ) -> None:
        """Create an Event for the object. Equal ones about a `topic` in sequence are created once."""
        meta = obj["metadata"]
        key = (str(meta.get("uid", "")), topic or reason)
        text = f"{reason}: {message}"
        if self._last.get(key) == text:
            return
        self._last[key] = text
        self.say(f"{obj['kind']}/{meta['name']}: {text}")
        moment = now()
        event: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            # The API server wants the namespace of an Event to be that of its object.
            "metadata": {"generateName": f"{meta['name']}.", "namespace": NAMESPACE},
            "involvedObject": {
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": meta["name"],
                "namespace": NAMESPACE,
                "uid": meta.get("uid", ""),
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:LONGEST],
            "source": {"component": CONTROLLER},
            "reportingComponent": CONTROLLER,
            "reportingInstance": self.identity,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        try:
            self.store.create(event)
        except (ApiError, UnreachableError) as error:
            self.say(f"no Event was created: {error.message}")
