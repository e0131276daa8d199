from __future__ import annotations

import pytest

from edgeadm.core.block import block_of, has_block, with_block, without_block
from edgeadm.core.journal import Journal
from edgeadm.core.journaled import JournaledHost
from edgeadm.core.restore import restore
from edgeadm.hosts.fake import FakeHost

PATH = "/etc/hosts"
FILES = [b"", b"127.0.0.1 localhost\n", b"127.0.0.1 localhost", b"\r\n\n\xff\n\n"]


@pytest.mark.parametrize("before", FILES)
def test_a_block_is_taken_out_to_the_byte(before: bytes) -> None:
    once = with_block(before, b"a\n")
    assert block_of(once) == b"a\n"
    assert block_of(with_block(once, b"b\n")) == b"b\n"
    assert without_block(with_block(once, b"b\n")) == before
    assert not has_block(before)


@pytest.mark.parametrize("before", [None, *FILES])
@pytest.mark.parametrize("added", [b"", b"10.1.1.1 theirs\n"])
def test_taking_a_change_back_takes_only_the_block(before: bytes | None, added: bytes) -> None:
    host = FakeHost(answers={})
    if before is not None:
        host.write(PATH, before, 0o640)
    door = JournaledHost(host, Journal(host, "join", "hosts"))
    for lines in (b"1\n", b"2\n"):
        found = host.stat(PATH)
        mode = found.mode if found else 0o644
        door.write(PATH, with_block(host.read(PATH) or b"", lines), mode)
    host.files[PATH] += added
    restore(host, door.journal.standing())
    assert host.files.get(PATH) == (None if before is None and not added else (before or b"") + added)
    if before is not None:
        assert host.modes[PATH] == 0o640


def test_a_file_that_others_removed_or_cleared_of_it_stays_so() -> None:
    host = FakeHost(files={PATH: b"before\n"})
    door = JournaledHost(host, Journal(host, "join", "hosts"))
    door.write(PATH, with_block(b"before\n", b"1\n"))
    host.files[PATH] = b"theirs\n"
    restore(host, door.journal.standing())
    assert host.files[PATH] == b"theirs\n"
    del host.files[PATH]
    restore(host, door.journal.standing())
    assert PATH not in host.files
