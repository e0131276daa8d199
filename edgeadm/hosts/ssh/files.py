"""The functions of the remote sh for files, and the meaning of their output."""

from __future__ import annotations

import posixpath
import stat

from edgeadm.hosts.base import FileInfo

# The status of a path that does not exist, which no function returns otherwise.
MISSING = 44
STAGED = "/var/lib/edgeadm-fleet/staged"

# q COMMAND…: `exec` looks for a program, never for a function or builtin of the sh.
# e STATUS: the end of a reply. fl FILE: flush it to the disk.
FUNCTIONS = """\
umask 022
e() { printf '%s%s\\n' "$M" "$1"; printf %s "$M" >&2; }
q() ( exec "$@" )
fl() { sync -- "$1"; }
r() { if [ -e "$1" ]; then cat -- "$1"; else return 44; fi; }
st() { stat --printf='%f %s %d:%i:%.9Y:%.9Z %n\\0' -- "$@" 2>/dev/null; printf '\\0'
  for p; do if [ -L "$p" ]; then readlink -n -- "$p"; printf '\\0'; fi; done; }
ls() { for p in "$1"/* "$1"/.[!.]* "$1"/..?*; do
  if [ -e "$p" ] || [ -L "$p" ]; then printf '%s\\0' "${p##*/}"; fi; done; }
new() { mkdir -p -- "$2" && rm -f -- "$3" && ( umask 077 && set -C && : >"$3" ); }
ap() { mkdir -p -- "$2" && if [ ! -e "$1" ]; then ( umask 077 && : >>"$1" ) && chmod "$3" "$1"; fi &&
  cat >>"$1" && fl "$1"; }
mv_() { [ "$(wc -c <"$1")" -eq "$4" ] || { echo "it has another size than sent" >&2; return 1; }
  [ "$(sha256sum <"$1")" = "$5  -" ] || { echo "it has another hash than sent" >&2; return 1; }
  chmod "$3" "$1" && fl "$1" && mv -fT -- "$1" "$2"; }
rm_() { rm -f -- "$1" "$2"; }
"""


def parent(path: str) -> str:
    """The directory of a path."""
    return posixpath.dirname(path) or "."


def temporary(path: str) -> str:
    """The file beside the path that a write replaces it with, as of LocalHost."""
    return posixpath.join(parent(path), f".{posixpath.basename(path)}.edgeadm")


def file_infos(out: bytes) -> dict[str, FileInfo]:
    """The output of `st`: a record for each path that exists, an empty one, and the targets of the links."""
    records, _, links = out.partition(b"\0\0") if not out.startswith(b"\0") else (b"", b"", out[1:])
    targets = iter(links.split(b"\0"))
    found: dict[str, FileInfo] = {}
    for record in records.split(b"\0") if records else ():
        mode_text, size, stamp, name = record.decode(errors="surrogateescape").split(" ", 3)
        mode = int(mode_text, 16)
        bits = stat.S_IMODE(mode)
        if stat.S_ISLNK(mode):
            target = next(targets, b"").decode(errors="surrogateescape")
            found[name] = FileInfo("link", bits, int(size), target)
        elif stat.S_ISDIR(mode):
            found[name] = FileInfo("dir", bits)
        else:
            found[name] = FileInfo("file" if stat.S_ISREG(mode) else "other", bits, int(size), stamp=stamp)
    return found
