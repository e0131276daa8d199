"""Access to other hosts by SSH."""

from edgeadm.hosts.ssh.target import HostKeys, Login, Target, Trust

__all__ = ["HostKeys", "Login", "Target", "Trust"]
