"""Programs that are made to run from a folder of their own, tried with one of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.process import execute
from edgeadm.package.builder.packetfilter import libraries_of
from edgeadm.package.builder.relocated import closure, relocate
from edgeadm.package.elf import loader, needed

pytestmark = pytest.mark.runs_programs
PROGRAM = "usr/bin/ls"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree such as packages of Debian give, with `ls` and all libraries that it loads, and one more."""
    root = tmp_path / "root"
    libraries = libraries_of(execute(["ldd", f"/{PROGRAM}"], env={"LC_ALL": "C"}).checked().out)
    for path in (PROGRAM, *libraries):
        at = root / PROGRAM if path == PROGRAM else root / "lib/x-linux-gnu" / Path(path).name
        at.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path("/", path), at)
    (root / "lib/x-linux-gnu/libother.so.1").write_bytes(b"nobody loads it")
    return root


def test_all_that_is_loaded_comes_along_and_nothing_else(root: Path) -> None:
    found = closure(root, [PROGRAM])
    assert {"ls", "libc.so.6", Path(loader(root / PROGRAM)).name} <= found.keys()
    assert "libother.so.1" not in found
    assert all(library in found for path in found.values() for library in needed(path))


def test_it_runs_from_its_new_home_with_the_libraries_there(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    relocate(root, [PROGRAM], home, str(home))
    shutil.rmtree(root)
    assert Path(loader(home / "ls")).parent == home
    assert execute([str(home / "ls"), str(home)]).checked().out.split() == sorted(
        path.name for path in home.iterdir()
    )
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    programs = {name for name, mode in modes.items() if mode == 0o755}
    assert programs == {"ls", Path(loader(home / "ls")).name}
    assert {mode for name, mode in modes.items() if name not in programs} == {0o644}
    loaded = execute([str(home / "ls"), "/"], env={"LD_DEBUG": "libs"}).err
    used = [line.split(": ")[-1] for line in loaded.splitlines() if "calling init" in line]
    assert used
    assert all(path.strip().startswith(f"{home}/") for path in used)


def test_twice_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        files = tmp_path / name
        files.mkdir()
        relocate(root, [PROGRAM], files, "/usr/lib/somewhere")
        found.append({path.name: path.read_bytes() for path in files.iterdir()})
    assert found[0] == found[1]


def test_a_library_that_no_package_has_is_named(root: Path) -> None:
    (root / "lib/x-linux-gnu/libc.so.6").unlink()
    with pytest.raises(EdgeadmError, match=r"requires libc\.so\.6") as refused:
        closure(root, [PROGRAM])
    assert refused.value.code == "package-build"
