"""The files of a fleet on a machine: all of them are below these paths, and `reset` removes all of them."""

from __future__ import annotations

# Chunks, files, the record, and the events of the last run; only root can read it.
STATE = "/var/lib/edgeadm-fleet"
# The configuration of a run with its token: in memory, and removed when the run ends.
RUNNING = "/run/edgeadm-fleet"
# Executables of edgeadm, one directory per content. Others may be beside them.
PROGRAMS = "/opt/edgeadm"
# A link to the newest executable, unless the machine has its own edgeadm.
LINK = "/usr/local/bin/edgeadm"
UNIT = "edgeadm-fleet"
# The prefix of executables among the stored names of the facts.
EXECUTABLE = "executable:"


def package_path(sha256: str) -> str:
    """The path of an assembled file on a machine."""
    return f"{STATE}/files/{sha256}"


def program_path(tree: str) -> str:
    """The path of an executable on a machine."""
    return f"{PROGRAMS}/{tree}/edgeadm"


# Whether a path is the directory of an executable of a fleet.
OURS = r"""
ours() {
  case ${1##*/} in
    *[!0-9a-f]*) return 1 ;;
    ????????????????????) return 0 ;;
    *) return 1 ;;
  esac
}
"""
# The beginning of the scripts that change a machine.
HEAD = (
    OURS
    + r"""
set -eu
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
"""
)
