"""What every test gets: a world of its own, and a look at what it starts."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

UNIT = Path(__file__).parent / "unit"
STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"})


def pytest_configure() -> None:
    """A job in the background ignores Ctrl-C, one of nohup ignores the end of the terminal, and so would each
    process that a test starts."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether to rewrite golden files instead of comparing with them."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(autouse=True)
def _own_world(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test sees the developer's settings, caches or terminal. Journeys keep the caches."""
    for name in [name for name in os.environ if name.startswith("EDGEADM_")]:
        if name != "EDGEADM_CACHE_DIR" or not request.node.get_closest_marker("e2e"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if not request.node.get_closest_marker("e2e"):
        home = tmp_path_factory.mktemp("home")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))


class _Guard:
    """Notices programs that a unit test starts. An audit hook cannot be taken back, only switched."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.on and event in STARTS:
            self.seen.append(f"{event} {args[:2]}")


_guard = _Guard()
sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _starts_no_program(request: pytest.FixtureRequest) -> Iterator[None]:
    """A unit test that starts a program fails, unless it is marked `runs_programs`."""
    unit = UNIT in request.path.parents
    _guard.on, _guard.seen = unit and not request.node.get_closest_marker("runs_programs"), []
    yield
    _guard.on = False
    if _guard.seen:
        pytest.fail(f"started programs: {_guard.seen}; mark the test `runs_programs` if it means to")
