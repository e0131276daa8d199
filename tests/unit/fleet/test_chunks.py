"""Files in chunks."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from edgeadm.fleet.chunks import Piece, piece_of, stream
from edgeadm.fleet.throttle import Throttle


@pytest.fixture
def piece(tmp_path: Path) -> Piece:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10)
    return piece_of(path, 1000)


def test_a_file_has_chunks_of_one_size_and_a_rest(piece: Piece) -> None:
    assert [each.size for each in piece.chunks] == [1000, 1000, 560]
    assert [each.offset for each in piece.chunks] == [0, 1000, 2000]
    assert piece.size == 2560
    assert piece.chunks[2].name == f"{piece.chunks[2].sha256}.560"


def test_the_chunks_of_a_file_are_computed_once(piece: Piece) -> None:
    piece.path.write_bytes(b"other")
    assert piece_of(piece.path, 1000) == piece


def test_only_missing_chunks_are_sent(piece: Piece) -> None:
    first = piece.chunks[0]
    assert piece.missing({first.name}) == piece.chunks[1:]
    assert piece.missing({piece.sha256}) == ()
    assert piece.missing(set()) == piece.chunks


def test_the_stream_is_a_tar_of_the_chunks(piece: Piece) -> None:
    data = b"".join(stream((piece, each) for each in piece.chunks[1:]))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        assert [each.name for each in members] == [each.name for each in piece.chunks[1:]]
        assert {each.mode for each in members} == {0o600}
        file = archive.extractfile(members[0])
        assert file is not None
        assert file.read() == piece.path.read_bytes()[1000:2000]


def test_a_site_shares_its_bandwidth() -> None:
    time = [100.0]

    def sleep(seconds: float) -> None:
        time[0] += seconds

    throttle = Throttle(1000, now=lambda: time[0], sleep=sleep)
    assert b"".join(throttle.through([b"x" * 500] * 21)) == b"x" * 10500
    # The last block starts after 20 blocks of half a second, less the burst.
    assert time[0] == pytest.approx(109.75)


def test_without_a_limit_nothing_waits() -> None:
    throttle = Throttle(0, sleep=pytest.fail)
    assert list(throttle.through([b"a", b"b"])) == [b"a", b"b"]
