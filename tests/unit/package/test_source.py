"""Where packages come from: paths and addresses, checksums, downloads that are cut off."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.package import open_source
from edgeadm.package.checksum import parse_checksum
from edgeadm.package.download import download
from edgeadm.package.spec import parse_spec
from tests.unit.package.servers import Files, ftp_server, http_server

DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()
WRONG = "0" * 64
NAME = "/files/kubernetes.tar.zst"

Server = Callable[[Files], AbstractContextManager[str]]
SERVERS = pytest.mark.parametrize("server", [http_server, ftp_server], ids=["http", "ftp"])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "package.tar.zst"
    path.write_bytes(DATA)
    for spec in (str(path), f"file://{path}", f"{path}#sha256={SHA256}", f"{path}#sha256={SHA256.upper()}"):
        assert open_source(spec, tmp_path / "cache") == path
    assert open_source(str(tmp_path), tmp_path / "cache") == tmp_path
    assert not (tmp_path / "cache").exists()


def test_a_checksum_file_beside_a_path_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "package.tar.zst"
    path.write_bytes(DATA)
    beside = tmp_path / "package.tar.zst.sha256"
    beside.write_text(f"{SHA256}  package.tar.zst\n")
    assert open_source(str(path), tmp_path / "cache") == path
    beside.write_text(f"{WRONG}  package.tar.zst\n")
    with pytest.raises(EdgeadmError) as refused:
        open_source(str(path), tmp_path / "cache")
    assert refused.value.code == "package-checksum"


BAD_SPECS: list[tuple[str, str, str]] = [
    ("nothing", "", "package-source"),
    ("only a checksum", f"#sha256={SHA256}", "package-source"),
    ("a checksum that is too short", "x#sha256=abc", "package-source"),
    ("a checksum with a strange letter", f"x#sha256={'g' * 64}", "package-source"),
    ("a scheme that nobody speaks", "s3://bucket/x", "package-source"),
    ("a path that does not exist", "/nowhere/x.tar.zst", "package-not-found"),
    ("a path that is no file", "/dev/null", "package-not-found"),
    ("a folder with a checksum", f"/#sha256={SHA256}", "package-source"),
]


@pytest.mark.parametrize(("spec", "code"), [case[1:] for case in BAD_SPECS], ids=[c[0] for c in BAD_SPECS])
def test_a_place_that_cannot_be_meant(tmp_path: Path, spec: str, code: str) -> None:
    with pytest.raises(EdgeadmError) as refused:
        open_source(spec, tmp_path)
    assert (refused.value.code, refused.value.exit_code) == (code, 6)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{SHA256}\n", SHA256),
        (f"{SHA256}  x.tar.zst\n", SHA256),
        (f"{SHA256} *dist/x.tar.zst\n", SHA256),
        (f"{WRONG}  y.tar.zst\n{SHA256}  x.tar.zst\n", SHA256),
        (f"{WRONG}  y.tar.zst\n", None),
        ("<html>not found</html>", None),
        ("", None),
    ],
)
def test_checksum_files_as_people_write_them(text: str, found: str | None) -> None:
    if found is not None:
        assert parse_checksum(text, "x.tar.zst") == found
        return
    with pytest.raises(EdgeadmError) as refused:
        parse_checksum(text, "x.tar.zst")
    assert refused.value.code == "package-source"


@SERVERS
def test_a_download_is_kept_and_asked_for_once(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA})
    with server(files) as address:
        path = open_source(f"{address}{NAME}#sha256={SHA256}", tmp_path)
        assert (path.name, path.read_bytes()) == ("kubernetes.tar.zst", DATA)
        files.asked.clear()
        assert open_source(f"{address}{NAME}#sha256={SHA256}", tmp_path) == path
        assert files.asked == []


@SERVERS
def test_without_a_checksum_the_server_is_asked_whether_it_changed(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA})
    with server(files) as address:
        path = open_source(f"{address}{NAME}", tmp_path)
        files.asked.clear()
        assert open_source(f"{address}{NAME}", tmp_path).read_bytes() == DATA
        assert not any(each.startswith("RETR") for each in files.asked)
        files.files[NAME], files.etag = DATA[::-1] + b"x", '"two"'
        assert open_source(f"{address}{NAME}", tmp_path) == path
        assert path.read_bytes() == DATA[::-1] + b"x"


@SERVERS
def test_a_download_that_is_cut_off_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA}, cut_after=[300_000, 200_000])
    with server(files) as address:
        path, _ = download(parse_spec(f"{address}{NAME}#sha256={SHA256}"), tmp_path, 1 << 30, pause=0)
        assert path.read_bytes() == DATA
        asked = [each for each in files.asked if "bytes=" in each or each.startswith("REST")]
        assert [re.findall(r"\d+", each)[-1] for each in asked] == ["300000", "500000"]


@SERVERS
def test_a_command_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA}, cut_after=[300_000] + [0] * 4)
    with server(files) as address:
        spec = parse_spec(f"{address}{NAME}#sha256={SHA256}")
        with pytest.raises(EdgeadmError) as stopped:
            download(spec, tmp_path, 1 << 30, pause=0)
        assert (stopped.value.code, stopped.value.exit_code) == ("package-download", 5)
        files.asked.clear()
        assert download(spec, tmp_path, 1 << 30, pause=0)[0].read_bytes() == DATA
        assert any("300000" in each for each in files.asked)


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(tmp_path: Path) -> None:
    files = Files({NAME: DATA}, cut_after=[300_000] + [0] * 4)
    with http_server(files) as address:
        with pytest.raises(EdgeadmError):
            download(parse_spec(f"{address}{NAME}"), tmp_path, 1 << 30, pause=0)
        files.files[NAME], files.etag = DATA[::-1], '"two"'
        assert open_source(f"{address}{NAME}", tmp_path).read_bytes() == DATA[::-1]


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without ranges"])
@pytest.mark.parametrize("etag", ['"one"', 'W/"weak"', ""], ids=["a mark", "a weak mark", "no mark"])
def test_every_kind_of_http_server_gives_the_whole_file(tmp_path: Path, ranges: bool, etag: str) -> None:
    files = Files({NAME: DATA}, ranges=ranges, etag=etag, cut_after=[300_000])
    with http_server(files) as address:
        path, _ = download(parse_spec(f"{address}{NAME}#sha256={SHA256}"), tmp_path, 1 << 30, pause=0)
        assert path.read_bytes() == DATA


@SERVERS
def test_a_checksum_file_on_the_server_is_checked(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA, f"{NAME}.sha256": f"{WRONG}  kubernetes.tar.zst\n".encode()})
    with server(files) as address:
        with pytest.raises(EdgeadmError) as refused:
            open_source(f"{address}{NAME}", tmp_path)
        assert refused.value.code == "package-checksum"
        files.files[f"{NAME}.sha256"] = SHA256.encode()
        assert open_source(f"{address}{NAME}", tmp_path).read_bytes() == DATA


@SERVERS
def test_a_wrong_download_is_forgotten(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA[:-1] + b"!"})
    with server(files) as address:
        with pytest.raises(EdgeadmError) as refused:
            open_source(f"{address}{NAME}#sha256={SHA256}", tmp_path)
        assert refused.value.code == "package-checksum"
        assert list(tmp_path.glob("*/*")) == []
        files.files[NAME] = DATA
        assert open_source(f"{address}{NAME}#sha256={SHA256}", tmp_path).read_bytes() == DATA


@SERVERS
def test_a_file_that_is_not_there(tmp_path: Path, server: Server) -> None:
    with server(Files()) as address, pytest.raises(EdgeadmError) as refused:
        open_source(f"{address}{NAME}", tmp_path)
    assert (refused.value.code, refused.value.hint) == ("package-download", "check the URL")


@pytest.mark.parametrize("length", [True, False], ids=["its size said", "its size unsaid"])
def test_a_download_that_is_too_large(tmp_path: Path, length: bool) -> None:
    with http_server(Files({NAME: DATA}, length=length)) as address:
        with pytest.raises(EdgeadmError) as refused:
            open_source(f"{address}{NAME}", tmp_path, max_bytes=len(DATA) - 1)
        assert refused.value.code == "package-too-large"
        assert list(tmp_path.glob("*/*.zst*")) == []
        assert open_source(f"{address}{NAME}", tmp_path, max_bytes=len(DATA)).read_bytes() == DATA


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_server_that_is_not_there(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(EdgeadmError) as refused:
        open_source(f"{scheme}://127.0.0.1:1{NAME}", tmp_path)
    assert (refused.value.code, refused.value.exit_code) == ("package-download", 5)


@SERVERS
def test_a_password_is_used_and_never_shown(tmp_path: Path, server: Server) -> None:
    files = Files({NAME: DATA})
    with server(files) as address:
        place = address.replace("://", "://anna:s%40cret@")
        assert open_source(f"{place}{NAME}#sha256={SHA256}", tmp_path).read_bytes() == DATA
        assert "PASS s@cret" in files.asked or set(files.logins) == {"Basic YW5uYTpzQGNyZXQ="}
        with pytest.raises(EdgeadmError) as refused:
            open_source(f"{place}/nothing", tmp_path)
    with pytest.raises(EdgeadmError) as gone:
        download(parse_spec(f"{place}{NAME}"), tmp_path, 1 << 30, pause=0)
    for error in (refused.value, gone.value):
        assert "cret" not in error.message + error.context + error.hint


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("http://a/b/x.tar.zst?token=1", "x.tar.zst"),
        ("http://a/b/x%20y%00.zst", "x_y_.zst"),
        ("http://a/%2e%2e", "package"),
        ("http://a/b/", "package"),
        ("ftp://a", "package"),
        ("http://a/" + "x" * 300, "x" * 200),
        ("/b/x.tar.zst", "x.tar.zst"),
    ],
)
def test_a_download_gets_a_name_that_is_a_file_name(place: str, name: str) -> None:
    assert parse_spec(place).name == name
