"""The only access to a host: run a command; read, write and remove a file."""

from edgeadm.config.secret import Secret
from edgeadm.hosts.base import FileInfo, Host, OnLine, Result, Source, show
from edgeadm.hosts.dry import DryHost
from edgeadm.hosts.local import LocalHost
from edgeadm.hosts.logged import LoggedHost, RunLog
from edgeadm.hosts.passing import PassingHost
from edgeadm.hosts.remembered import RememberedHost

__all__ = [
    "DryHost",
    "FileInfo",
    "Host",
    "LocalHost",
    "LoggedHost",
    "OnLine",
    "PassingHost",
    "RememberedHost",
    "Result",
    "RunLog",
    "Secret",
    "Source",
    "show",
]
