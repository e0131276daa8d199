"""What a user can ask for, read from flags, variables and files."""

from edgeadm.config.load import load
from edgeadm.config.model import Config, JoinFlags, KubeadmFlags
from edgeadm.config.validate import validate

__all__ = ["Config", "JoinFlags", "KubeadmFlags", "load", "validate"]
