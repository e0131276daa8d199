"""Leader election with a Lease of the API (coordination.k8s.io/v1), as client-go's leaderelection does.

A Lease is taken over if its holder has not renewed it for its duration on this host's own clock, from the
moment at which this host first saw that renewal: the clocks of two hosts are never compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edgeadm.cluster.base import Object, Store, copied
from edgeadm.cluster.errors import ConflictError
from edgeadm.errors import ApiError, UnreachableError

API, KIND = "coordination.k8s.io/v1", "Lease"
DURATION = 30.0
# A holder that could not renew for this time stops, before another one may start.
DEADLINE = 20.0


@dataclass
class Election:
    """One candidate for a Lease. `holds` is true until DEADLINE seconds after the last renewal."""

    cluster: Store
    namespace: str
    name: str
    identity: str
    clock: Callable[[], float] = time.monotonic
    _renewed: float = field(default=float("-inf"), init=False)
    _seen: tuple[Any, ...] = field(default=(), init=False)
    _seen_at: float = field(default=0.0, init=False)

    @property
    def holds(self) -> bool:
        """Whether this candidate is the leader now."""
        return self.clock() - self._renewed < DEADLINE

    def renew(self) -> bool:
        """Take or renew the Lease if possible; returns `holds`. An API server that does not respond is no
        reason to stop before the deadline."""
        asked = self.clock()
        try:
            if self._write(asked):
                self._renewed = asked
            else:
                self._renewed = float("-inf")
        except ConflictError:
            self._renewed = float("-inf")
        except (ApiError, UnreachableError):
            pass
        return self.holds

    def release(self) -> None:
        """Give the Lease up, so that another candidate need not wait. Errors are ignored."""
        if not self.holds:
            return
        self._renewed = float("-inf")
        try:
            found = self.cluster.get(API, KIND, self.name, self.namespace)
            if found is not None and found["spec"].get("holderIdentity") == self.identity:
                self.cluster.replace(self._lease(found, holder="", seconds=1))
        except (ApiError, UnreachableError):
            return

    def _write(self, now: float) -> bool:
        found = self.cluster.get(API, KIND, self.name, self.namespace)
        if found is None:
            self.cluster.create(self._lease(None, holder=self.identity))
            return True
        spec = found.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self.identity) and not self._is_expired(spec, now):
            return False
        self.cluster.replace(self._lease(found, holder=self.identity))
        return True

    def _is_expired(self, spec: Object, now: float) -> bool:
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        return now - self._seen_at >= float(spec.get("leaseDurationSeconds") or DURATION)

    def _lease(self, found: Object | None, *, holder: str, seconds: float = DURATION) -> dict[str, Any]:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease: dict[str, Any] = copied(found) if found else {"apiVersion": API, "kind": KIND}
        lease.setdefault("metadata", {"name": self.name, "namespace": self.namespace})
        before = lease.setdefault("spec", {})
        changed = before.get("holderIdentity") != holder
        lease["spec"] = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(seconds),
            "acquireTime": moment if changed or not before.get("acquireTime") else before["acquireTime"],
            "renewTime": moment,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (changed and found is not None),
        }
        return lease
