"""What a release consists of, in dist/: sdist, wheel, the self-contained executable, and their checksums."""

from __future__ import annotations

import gzip
import hashlib
import platform
import shutil
import sys
import tarfile
from pathlib import Path

import edgeadm
from edgeadm.assets import cache_root
from edgeadm.hosts.process import execute
from edgeadm.package.executable import executable_tree, facts

DIST = Path("dist")


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST)]
    execute(build, env={"SOURCE_DATE_EPOCH": "315532800"}).checked()
    tree = executable_tree(cache_root(), print)
    name = f"edgeadm-{edgeadm.__version__}-linux-{platform.machine()}"
    pack(tree, name, DIST / f"{name}.tar.gz")
    files = sorted(DIST.iterdir())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (DIST / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    for path in files:
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    about = facts(tree)
    print(f"the executable brings glibc {about['glibc']}; it would need {about['glibcNeeded']} of the host")


def pack(tree: Path, name: str, target: Path) -> None:
    """The tree as a tar.gz that depends on its content alone: sorted, without times and owners."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in [tree, *sorted(tree.rglob("*"))]:
            inside = (Path(name) / path.relative_to(tree)).as_posix()
            entry = archive.gettarinfo(path, inside)
            # Files that share their bytes on this disk are files of their own in the archive.
            if path.is_file() and not path.is_symlink():
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            if entry.isreg():
                with path.open("rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)


if __name__ == "__main__":
    main()
