"""The API server in `/etc/hosts`."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.config.address import HostPort
from edgeadm.core.block import block_of, with_block, without_block
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.errors import EdgeadmError
from edgeadm.node.membership import ClusterFacts, cluster_facts
from edgeadm.node.paths import HOSTS


class HostsConflictError(EdgeadmError):
    """/etc/hosts maps the API server's name to another address, by a line that edgeadm did not write."""

    code = "hosts-conflict"
    exit_code = 2


@dataclass(frozen=True)
class HostsEntry(Phase):
    """If the API server's certificate is not valid for the address that this host uses, but for
    `kubernetes.default`, a marked block in /etc/hosts maps that name to the address for all clients on this
    host. The server is not changed."""

    name: str = "hosts"
    summary: str = "add the API server to /etc/hosts if its certificate lacks the address"

    def check(self, ctx: Context) -> Verdict:
        facts = cluster_facts(ctx)
        if facts is None:
            return Verdict(needed=True, reason="the cluster has not been discovered yet")
        if not facts.address:
            return Verdict(needed=False, reason=f"{facts.server} needs no entry")
        name = _name(facts)
        if block_of(_hosts(ctx)) == _line(facts) or _theirs(ctx, name) == facts.address:
            return Verdict(needed=False, reason=f"{HOSTS} maps `{name}` to {facts.address}")
        return Verdict(
            needed=True,
            reason=f"the API server's certificate is valid for `{name}`, not for {facts.address}",
        )

    def apply(self, ctx: Context) -> None:
        facts = cluster_facts(ctx)
        if facts is None or not facts.address or not self.check(ctx).needed:
            return
        refuse_other_entry(ctx, facts)
        ctx.warn(
            f"warning: the API server's certificate is not valid for {facts.address}; this host reaches it "
            f"as `{_name(facts)}`, by a line in {HOSTS}"
        )
        found = ctx.host.stat(HOSTS)
        mode = found.mode if found is not None and found.kind == "file" else 0o644
        ctx.host.write(HOSTS, with_block(_hosts(ctx), _line(facts)), mode)


def refuse_other_entry(ctx: Context, facts: ClusterFacts) -> None:
    """Raises HostsConflictError if an entry is required, but another line maps the name to another
    address."""
    theirs = _theirs(ctx, _name(facts)) if facts.address else ""
    if theirs not in ("", facts.address):
        raise HostsConflictError(
            f"{HOSTS} maps `{_name(facts)}` to {theirs}, but the API server is at {facts.address}",
            hint="remove or correct that line; edgeadm does not change lines that it did not write",
        )


def _hosts(ctx: Context) -> bytes:
    return ctx.host.read(HOSTS) or b""


def _name(facts: ClusterFacts) -> str:
    return HostPort.of_url(facts.server).host


def _line(facts: ClusterFacts) -> bytes:
    return f"{facts.address} {_name(facts)}\n".encode()


def _theirs(ctx: Context, name: str) -> str:
    """The address of that name in another line, or an empty string."""
    for line in without_block(_hosts(ctx)).decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if name in (word.lower() for word in words[1:]):
            return words[0]
    return ""
