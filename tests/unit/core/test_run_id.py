from __future__ import annotations

import time
from uuid import RFC_4122, UUID

from edgeadm.core.run_id import new_run_id


def test_a_run_id_is_a_uuid_of_version_7() -> None:
    found = UUID(new_run_id())
    assert (found.version, found.variant) == (7, RFC_4122)


def test_a_run_id_begins_with_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    found = UUID(new_run_id()).int >> 80
    assert before <= found <= time.time_ns() // 1_000_000


def test_run_ids_differ() -> None:
    assert len({new_run_id() for _ in range(1000)}) == 1000
