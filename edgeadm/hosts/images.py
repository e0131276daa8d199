"""The images of Kubernetes in a host's containerd."""

from __future__ import annotations

from edgeadm.hosts.base import Host

CTR = ("ctr", "--namespace", "k8s.io")
PIN = "io.cri-containerd.pinned"
PINNED = f"{PIN}=pinned"


def present(host: Host) -> dict[str, tuple[str, bool]]:
    """Name → digest and whether it is pinned, of every image; empty without containerd."""
    found = {}
    for line in host.ask(*CTR, "images", "ls").out.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 2:
            found[columns[0]] = (columns[2], PINNED in columns[-1])
    return found


def import_flags(host: Host) -> tuple[str, ...]:
    """The flags with which this host's ctr imports a file fastest, and pins its images if it can.

    ctr of containerd 2 reads the file in small pieces through the transfer service unless `--local` is given,
    which takes twice the time (containerd cmd/ctr/commands/images/import.go). Older ones lack these flags.
    """
    known = host.ask(*CTR, "images", "import", "--help").out
    local = ("--local",) if " --local " in known else ()
    label = ("--label", PINNED) if " --label " in known else ()
    return ("--digests=false", *local, *label)


def import_pinned(host: Host, file: str, name: str, flags: tuple[str, ...]) -> None:
    """Import the image with that name from an OCI archive, and pin it. `flags` are those of
    `import_flags`. Raises CommandError."""
    host.run(*CTR, "images", "import", *flags, file)
    if PINNED not in flags:
        host.run(*CTR, "images", "label", name, PINNED)
