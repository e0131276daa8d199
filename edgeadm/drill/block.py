"""Blocks the API server on this host, and ensures that the block ends."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from edgeadm.config.address import HostPort
from edgeadm.core.signals import undisturbed
from edgeadm.drill import address
from edgeadm.drill.errors import DrillRunningError, NotBlockedError, NotLiftedError
from edgeadm.errors import CommandError
from edgeadm.hosts import Host, facts
from edgeadm.node.offline_files import DRILL
from edgeadm.render import Renderer

FAMILY, TABLE = DRILL.split()
TIMER = "edgeadm-drill-lift"
MARGIN = 120  # seconds between the planned end of the drill and its timer
TRIES = 3
UNTIL = re.compile(r"edgeadm drill offline, until (\S+Z)")
FORM = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Block:
    """The nftables table, and the timer that deletes it."""

    host: Host
    nft: str
    card: str = ""  # the network interface that also loses its addresses and routes, or an empty string

    def refuse_another(self) -> None:
        """Raises DrillRunningError if there is a block already."""
        until = self.until()
        if until is not None:
            raise DrillRunningError(
                "a drill is already running on this host", hint=_when(until, facts.clock(self.host))
            )

    def until(self) -> str | None:
        """The planned end of the existing block; None without a block, empty if unknown."""
        answer = self.host.ask(self.nft, "list", "table", FAMILY, TABLE)
        if answer.code != 0:
            return None
        found = UNTIL.search(answer.out)
        return found[1] if found else ""

    @contextmanager
    def blocking(self, places: Sequence[HostPort], seconds: int, *, refuse: bool) -> Iterator[None]:
        """The API server is blocked until this context ends. Raises NotBlockedError, NotLiftedError.

        If edgeadm is killed, the timer removes the block. After a reboot there is nothing to remove: neither
        nftables tables nor transient units survive a boot.
        """
        rules = self.rules(places, facts.clock(self.host) + seconds, refuse=refuse)
        try:
            with undisturbed():
                self._set_timer(seconds + MARGIN)
                self.host.run(self.nft, "-f", "-", stdin=rules.encode())
                if self.card:
                    address.take(self.host, self.card)
            yield
        finally:
            with undisturbed():
                self.lift()

    def lift(self) -> bool:
        """Remove the block, then the timer; returns False if there was neither. Raises NotLiftedError."""
        found = address.give_back(self.host)
        for _ in range(TRIES):
            if self.until() is None:
                break
            found = True
            with suppress(CommandError):  # the timer may have deleted it meanwhile
                self.host.run(self.nft, "delete", "table", FAMILY, TABLE)
        else:
            if self.until() is not None:
                raise NotLiftedError(
                    f"the nftables table {DRILL} still exists: the API server remains blocked",
                    hint=f"run `{self.nft} delete table {DRILL}` as root, or reboot",
                )
        return self._stop_timer() or found

    def rules(self, places: Sequence[HostPort], until: int, *, refuse: bool) -> str:
        """The input of nft. It creates the table or fails; it never adds to an existing one."""
        end = datetime.fromtimestamp(until, UTC).strftime(FORM)
        values = {
            "table": TABLE,
            "places": [
                {"address": each.host, "port": each.port, "family": "ip6" if each.is_ipv6 else "ip"}
                for each in places
            ],
            "refuse": refuse,
            "comment": f"edgeadm drill offline, until {end}",
        }
        return Renderer().text("edge/drill.nft", values)

    def _set_timer(self, seconds: int) -> None:
        """Called before the block: removes the timer of an earlier drill."""
        self._stop_timer()
        options = ("--quiet", "--collect", f"--unit={TIMER}", "--timer-property=AccuracySec=1s")
        about = "--description=the end of an outage that edgeadm rehearses"
        command: tuple[str, ...] = (self.nft, "delete", "table", FAMILY, TABLE)
        if self.card:
            command = ("sh", "-c", f"sh {address.SCRIPT}; {shlex.join(command)}")
        try:
            self.host.run("systemd-run", *options, about, f"--on-active={seconds}s", *command)
        except CommandError as error:
            raise NotBlockedError(
                "systemd rejects the timer that ends the drill if edgeadm cannot; nothing was blocked",
                context=error.context,
                hint="see `systemctl status`",
            ) from error

    def _stop_timer(self) -> bool:
        if self.host.ask("systemctl", "is-active", "--quiet", f"{TIMER}.timer").code != 0:
            return False
        self.host.run("systemctl", "stop", f"{TIMER}.timer")
        return True


def _when(until: str, now: int) -> str:
    at_once = "end it now with `edgeadm drill lift`"
    try:
        end = datetime.strptime(until, FORM).replace(tzinfo=UTC)
    except ValueError:
        return at_once
    left = max(0, round(end.timestamp()) - now)
    lasts = f"it ends at {until}, in {left // 60} min {left % 60} s, or {MARGIN} s later by its timer"
    return f"{lasts}; {at_once}"
