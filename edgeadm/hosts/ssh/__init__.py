"""Access to other hosts by SSH."""

from edgeadm.hosts.ssh.dialer import SshDialer
from edgeadm.hosts.ssh.target import HostKeys, Login, Sudo, Target, Trust

__all__ = ["HostKeys", "Login", "SshDialer", "Sudo", "Target", "Trust"]
