"""The only door to a machine: run a command, read, write and remove a file."""

from edgeadm.hosts.base import FileInfo, Host, OnLine, Result, Secret, show
from edgeadm.hosts.local import LocalHost

__all__ = ["FileInfo", "Host", "LocalHost", "OnLine", "Result", "Secret", "show"]
