"""What a wheel holds: every template and recipe, and an installed edgeadm can open them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import edgeadm
from edgeadm.assets import install_pkgs, templates

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    assert edgeadm.__version__ in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(out / "site")
    return out / "site"


def committed(folder: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return {name.removeprefix(f"{folder}/") for name in listed.split("\0") if name}


@pytest.mark.parametrize(
    ("folder", "inside"), [("templates", "_templates"), ("install-pkgs", "_install_pkgs")]
)
def test_the_wheel_holds_all_data(installed: Path, folder: str, inside: str) -> None:
    for name in committed(folder):
        assert (installed / "edgeadm" / inside / name).read_bytes() == (ROOT / folder / name).read_bytes()


def test_an_installed_edgeadm_renders_its_own_templates(installed: Path) -> None:
    script = (
        "from edgeadm.assets import install_pkgs, templates\n"
        "from edgeadm.render import Renderer\n"
        "renderer = Renderer()\n"
        "names = [name for name in renderer.names() if renderer.source(name)]\n"
        "print(templates(), install_pkgs(), *names, sep='\\n')"
    )
    lines = subprocess.run(
        [sys.executable, "-c", script],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert lines[:2] == [
        str(installed / "edgeadm" / "_templates"),
        str(installed / "edgeadm" / "_install_pkgs"),
    ]
    assert {f"{name}.j2" for name in lines[2:]} == {n for n in committed("templates") if n.endswith(".j2")}


def test_a_checkout_uses_its_own_folders() -> None:
    assert Path(str(templates())) == ROOT / "templates"
    assert install_pkgs() == ROOT / "install-pkgs"
