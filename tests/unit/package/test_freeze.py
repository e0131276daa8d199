"""What the frozen tree holds must not tell where it was frozen."""

from __future__ import annotations

from pathlib import Path

from edgeadm.package.freeze import leave_out_notes


def test_an_installers_notes_go_and_the_description_stays(tmp_path: Path) -> None:
    folder = tmp_path / "_internal/jsonschema-4.26.0.dist-info"
    folder.mkdir(parents=True)
    for name in ("METADATA", "RECORD", "entry_points.txt", "direct_url.json"):
        (folder / name).write_text(name)
    leave_out_notes(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["METADATA", "entry_points.txt"]
