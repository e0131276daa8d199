"""Lets a machine serve its files to the others of its site, in a transient unit without privileges."""

from __future__ import annotations

import re

from edgeadm.fleet.errors import StartError
from edgeadm.fleet.facts import Facts
from edgeadm.fleet.model import Machine
from edgeadm.fleet.work import LanSource
from edgeadm.hosts.remote import Remote

# Seconds without a connection, and in any case, after which the server ends.
IDLE = 600
LIFE = 3600
PORT = re.compile(r"port ([0-9]{1,5})", re.MULTILINE)

# Parameters: executable, address, seconds of idling, seconds of life.
SCRIPT = r"""
set -eu
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unit=edgeadm-fleet-serve
systemctl stop "$unit.service" 2>/dev/null || :
systemd-run --quiet --collect --unit="$unit" --service-type=exec \
  --description='edgeadm serves files to the machines of the site' \
  --property=RuntimeDirectory="$unit" --property="RuntimeMaxSec=$4" --property=MemoryMax=256M \
  --property=TasksMax=64 --property=Nice=10 --property=NoNewPrivileges=yes --property=CapabilityBoundingSet= \
  --property=ProtectSystem=strict --property=ProtectHome=yes --property=PrivateTmp=yes \
  --property=ProtectKernelTunables=yes --property=ProtectControlGroups=yes --property=RestrictSUIDSGID=yes \
  --property='RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX' --property=SystemCallArchitectures=native \
  "$1" fleet-serve --address "$2" --idle "$3" --life "$4" --port-file "/run/$unit/port"
count=0
while [ ! -s "/run/$unit/port" ] && [ "$count" -lt 150 ]; do
  if ! systemctl is-active --quiet "$unit.service"; then break; fi
  count=$((count + 1))
  sleep 0.2
done
printf 'port %s\n' "$(cat "/run/$unit/port")"
"""


def share(remote: Remote, program: str, machine: Machine, facts: Facts, now: float) -> LanSource | None:
    """Start the server; None if the machine has no address in a LAN. `now` is the time of the monotonic
    clock. Raises StartError, UnreachableError."""
    address = lan_address(machine, facts)
    if not address:
        return None
    done = remote.shell(SCRIPT, program, address, str(IDLE), str(LIFE))
    found = PORT.search(done.out)
    if done.code or not found:
        raise StartError(
            f"{machine.name} cannot serve files to its site",
            context=done.err.strip()[-2000:],
            hint="the other machines of the site receive the files over the WAN",
        )
    return LanSource(address, int(found[1]), now + IDLE)


def lan_address(machine: Machine, facts: Facts) -> str:
    """The address at which the machine is reached, if it is one of its own, else its first one: machines
    behind a jump host or NAT have others than the document says."""
    every = [address for each in facts.addresses.values() for address in each]
    return machine.address if machine.address in every else next(iter(every), "")
