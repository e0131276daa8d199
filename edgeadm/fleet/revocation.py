"""The revocation of tokens: of each machine as soon as it needs its token no longer, and of those that an
earlier run left behind, because it was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Thread

from edgeadm.errors import EdgeadmError
from edgeadm.fleet.journal import Past, Records, RunJournal
from edgeadm.fleet.pool import Inbox, Pool
from edgeadm.fleet.progress import MachineRun

# Seconds that the last revocations of an interrupted run may take.
LAST = 10.0


@dataclass(frozen=True)
class Token:
    """A token that may exist, and the journal in which it is recorded."""

    token_id: str
    journal: Records
    machine: str = ""


@dataclass(frozen=True)
class Revoked:
    """A revocation ended; `error` is set if the token may still exist."""

    token: Token
    error: EdgeadmError | None = None


def stale(pasts: Iterable[Past]) -> list[Token]:
    """The tokens that earlier runs did not revoke."""
    return [
        Token(token_id, RunJournal(past.path), machine)
        for past in pasts
        for token_id, machine in past.tokens.items()
    ]


@dataclass
class Revocations:
    """Revokes tokens beside the engine. `revoke` raises an EdgeadmError if the API does not respond."""

    revoke: Callable[[Records, str], None]
    journal: Records
    pool: Pool
    inbox: Inbox
    pending: int = 0
    failures: list[Token] = field(default_factory=list)
    _stale: dict[str, list[Token]] = field(default_factory=dict)

    def adopt(self, tokens: Iterable[Token], machines: Iterable[str]) -> None:
        """Take over tokens of earlier runs: those of other machines are revoked now, those of these machines
        as soon as it is known that no edgeadm uses them."""
        names = set(machines)
        for each in tokens:
            if each.machine in names:
                self._stale.setdefault(each.machine, []).append(each)
            else:
                self._start(each)

    def begin(self, run: MachineRun) -> None:
        """Revoke all tokens of this machine."""
        for each in self._tokens(run):
            self._start(each)

    def begin_stale(self, run: MachineRun) -> None:
        """Revoke the tokens of this machine that earlier runs created."""
        for each in self._stale.pop(run.name, []):
            self._start(each)

    def handle(self, revoked: Revoked) -> None:
        """A revocation has ended."""
        self.pending -= 1
        if revoked.error is not None:
            self.failures.append(revoked.token)

    def end(self, machines: Iterable[MachineRun]) -> None:
        """Revoke the tokens of these machines, and wait a few seconds for it: the run ends."""
        left = [token for each in machines for token in self._tokens(each)]
        threads = [Thread(target=self._try, args=(each,), daemon=True) for each in left]
        for each in threads:
            each.start()
        for each in threads:
            each.join(LAST)

    def _tokens(self, run: MachineRun) -> list[Token]:
        own = [Token(run.token, self.journal, run.name)] if run.token else []
        run.token = ""
        return own + self._stale.pop(run.name, [])

    def _start(self, token: Token) -> None:
        self.pending += 1
        self.pool.start(f"revoke {token.token_id}", lambda: self.inbox.put(self._try(token)))

    def _try(self, token: Token) -> Revoked:
        try:
            self.revoke(token.journal, token.token_id)
        except EdgeadmError as error:
            return Revoked(token, error)
        return Revoked(token)
