"""The first control plane of a fleet: its admin.conf, and the certificates for further control planes."""

from __future__ import annotations

import re
from contextlib import closing

from edgeadm.config.kubeadm_defaults import ADMIN_CONF
from edgeadm.config.secret import Secret
from edgeadm.fleet.errors import NoAdminConfError
from edgeadm.fleet.model import Machine
from edgeadm.hosts.base import Result
from edgeadm.hosts.remote import Dialer
from edgeadm.node.kubeadm_documents import CONFIG

READ = f"cat {ADMIN_CONF}"
# kubeadm prints the key that it made, and nothing else that looks like one. Its configuration keeps it from
# asking the internet for a version.
UPLOAD = f"""
set -- --upload-certs
[ ! -f {CONFIG} ] || set -- "$@" --config {CONFIG}
exec kubeadm init phase upload-certs "$@"
"""
KEY = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)
SECONDS = 120.0


def read_kubeconfig(dialer: Dialer, machine: Machine) -> bytes:
    """The admin.conf of a control plane. Raises NoAdminConfError, and the errors of connections."""
    found = _shell(dialer, machine, READ)
    if found.code or not found.out.strip():
        raise NoAdminConfError(
            f"{machine.name} ({machine.address}) has no {ADMIN_CONF}",
            hint="check `edgeadm check` and the log of `edgeadm init` on it",
        )
    return found.out.encode()


def upload_certificates(dialer: Dialer, machine: Machine) -> Secret:
    """Upload the certificates of the control plane for two hours, encrypted; returns the key. Raises
    NoAdminConfError, and the errors of connections."""
    done = _shell(dialer, machine, UPLOAD)
    found = KEY.search(done.out)
    if done.code or found is None:
        raise NoAdminConfError(
            f"kubeadm did not upload the certificates of {machine.name} ({machine.address})",
            context=done.err.strip()[-2000:],
            hint="run `kubeadm init phase upload-certs --upload-certs` on it to see the reason",
        )
    return Secret(found[0])


def _shell(dialer: Dialer, machine: Machine, script: str) -> Result:
    with closing(dialer.dial(machine.target)) as remote:
        return remote.shell(script, timeout=SECONDS)
