"""Files and directories that edgeadm writes on every node."""

from __future__ import annotations

PROGRAMS = "/usr/bin"
PLUGINS = "/opt/cni/bin"
# On PATH before the distribution's directories: a file here calls the distribution's program if it exists.
BY_NAME = "/usr/local/sbin"
MODULES_FILE = "/etc/modules-load.d/edgeadm.conf"
SYSCTL_FILE = "/etc/sysctl.d/90-edgeadm.conf"
RUNTIME_CONFIG = "/etc/containerd/config.toml"
HOSTS = "/etc/hosts"
