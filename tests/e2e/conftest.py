"""End-to-end tests in real sandboxes: each run creates its own, deletes them in any case, and isolates them.

    def test_something(make_sandbox):                 # module scope: created once per file
        sandbox = make_sandbox(control_planes=1, edges=1)
        sandbox.node("cp1").exec(["edgeadm", "version"])

A missing tool or missing privileges fail the run; no test is skipped."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.sandbox import Sandbox, Store
from edgeadm.sandbox.errors import NoSandboxError
from tests.e2e.autonomy import Shop
from tests.e2e.minutes import REPORT, Minutes, table
from tests.e2e.plan import HERE, load
from tests.e2e.release import KUBERNETES
from tests.e2e.store import prepared

MakeSandbox = Callable[..., Sandbox]
Begin = Callable[..., Sandbox]
MINUTES = pytest.StashKey[Minutes]()


def is_ours(path: Path) -> bool:
    """Whether a test is an end-to-end test: pytest calls the hooks of this file for every test."""
    return HERE in path.parents


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MINUTES] = Minutes(load())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Markers and order are those of the plan: the longest group first."""
    plan = config.stash[MINUTES].plan
    ours = [item for item in items if is_ours(item.path)]
    for item in ours:
        group = plan.of(item.path)
        item.add_marker(pytest.mark.e2e)
        if group.alone:
            item.add_marker(pytest.mark.alone)
        if group.tier != "usual":
            item.add_marker(getattr(pytest.mark, f"tier_{group.tier}"))
    ours.sort(key=lambda item: plan.position(item.path))
    items[:] = [item for item in items if not is_ours(item.path)] + ours


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile` distributes the files in the order of the plan."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.e2e.schedule import Schedule

    config.option.loadscopereorder = False
    return Schedule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """A group with high CPU usage runs with a lower priority than those that wait."""
    if not is_ours(item.path):
        return (yield)
    process = os.getpid()
    before = os.getpriority(os.PRIO_PROCESS, process)
    os.setpriority(os.PRIO_PROCESS, process, max(before, item.config.stash[MINUTES].plan.of(item.path).nice))
    try:
        return (yield)
    finally:
        os.setpriority(os.PRIO_PROCESS, process, before)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the minutes of each group, to the file in `E2E_REPORT`, too."""
    minutes = config.stash[MINUTES]
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and is_ours(config.rootpath / report.nodeid):
                minutes.add(report.nodeid, report.when, report.duration)
    if minutes.rows():
        terminalreporter.section("minutes of each group")
        for line in table(minutes.rows()):
            terminalreporter.write_line(line)
        if file := os.environ.get(REPORT):
            minutes.write(Path(file))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Add the output of a failed command to the report."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, EdgeadmError):
        report.sections.append(("what it said", call.excinfo.value.context))
    return report


@pytest.fixture(scope="session")
def store() -> Store:
    """The directory of this run's sandboxes. Leftovers of a killed run are deleted first."""
    from edgeadm.sandbox.supplies import ensure_tools
    from edgeadm.sandbox.teardown import down

    assert os.geteuid() == 0, "the journeys boot sandboxes and need root"
    ensure_tools(print)
    store = prepared()
    with one_at_a_time():
        for name in store.known():
            words = name.split("-")
            if words[0] == "t" and len(words) == 3 and not Path("/proc", words[1]).exists():
                down(Sandbox(name, store))
    return store


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Slow builds are run by one process; the others wait for the result."""
    from edgeadm.assets import cache_root

    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / ".journeys-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def executable() -> Path:
    """edgeadm's own tree for the nodes."""
    from edgeadm.sandbox import supplies

    with one_at_a_time():
        return supplies.executable(print)


@pytest.fixture(scope="session")
def escaped() -> Iterator[list[str]]:
    """The sandboxes that forwarded a packet: none, or the run fails."""
    found: list[str] = []
    yield found
    assert not found, f"packets left these sandboxes: {found}"


@pytest.fixture(scope="module")
def named(store: Store, escaped: list[str]) -> Iterator[Callable[[], Sandbox]]:
    """Sandboxes with unique names, created by the test; deleted in any case."""
    from edgeadm.sandbox.teardown import down

    def count(sandbox: Sandbox) -> None:
        with suppress(NoSandboxError):  # it was deleted, or interrupted during its creation
            if packets := sandbox.forwarded_packets():
                escaped.append(f"{sandbox.name}: {packets}")

    with ExitStack() as last:

        def name() -> Sandbox:
            sandbox = Sandbox(f"t-{os.getpid()}-{secrets.token_hex(3)}", store)
            last.callback(down, sandbox)
            last.callback(count, sandbox)
            return sandbox

        yield name


@pytest.fixture(scope="module")
def make_sandbox(named: Callable[[], Sandbox], executable: Path) -> MakeSandbox:
    """Creates a sandbox with a unique name: numbers of nodes, and `package` as for `Sandbox.up`."""

    def make(**wanted: Any) -> Sandbox:
        sandbox = named()
        sandbox.up(**{"executable": executable, "say": print} | wanted)
        return sandbox

    return make


@pytest.fixture(scope="module")
def make_copy(named: Callable[[], Sandbox], executable: Path) -> Callable[[str], Sandbox]:
    """Restores a copy of a saved state, which may run in parallel with others at the same addresses."""
    from edgeadm.sandbox import saved

    def make(state: str) -> Sandbox:
        sandbox = named()
        saved.restore(sandbox, state, executable=executable, detached=True, say=print)
        return sandbox

    return make


@pytest.fixture(scope="module")
def begin(
    request: pytest.FixtureRequest,
    store: Store,
    executable: Path,
    package: Path,
    make_sandbox: MakeSandbox,
    make_copy: Callable[[str], Sandbox],
) -> Begin:
    """Restores a copy of the file's saved state from the plan, ready to use; `edges=1` and the like add bare
    nodes."""
    from tests.e2e import starts

    def raise_bare(**nodes: Any) -> Sandbox:
        return make_sandbox(package=package, **nodes)

    def begin(**more: int) -> Sandbox:
        start = request.config.stash[MINUTES].plan.of(request.path).start
        state = starts.state_name(start, package, executable)
        starts.ensure(start, state, store, raise_bare)
        since = starts.now()
        sandbox = make_copy(state)
        if starts.STARTS[start].cluster:
            starts.wait_whole(sandbox, since)
        if more:
            sandbox.up(executable=executable, say=print, **more)
        return sandbox

    return begin


@pytest.fixture(scope="module")
def shop(begin: Begin) -> Shop:
    """Two edge nodes, on the first of which Pods of every usual kind run."""
    found = Shop(begin())
    found.open()
    return found


@pytest.fixture(scope="module")
def before(shop: Shop) -> dict[str, str]:
    """The Pods of edge1 and their addresses, before anything happens to them."""
    return shop.here()


@pytest.fixture(scope="session")
def edgeadm(store: Store) -> Callable[..., Result]:
    """Runs our own command line like a user of this host: `edgeadm("sandbox", "ls")`."""

    def run(*argv: str, stdin: bytes = b"", **env: str) -> Result:
        env = {"EDGEADM_SANDBOX_DIR": str(store.base)} | env
        return execute([sys.executable, "-m", "edgeadm", *argv], stdin=stdin, env=env)

    return run


@pytest.fixture(scope="session")
def package(store: Store) -> Path:
    """The package of this run's version, built as a user would build it, with cached programs."""
    from edgeadm.package.builder.build import cached_package

    with one_at_a_time():
        return cached_package(KUBERNETES, say=print)


@pytest.fixture(scope="session")
def kubeadm_of() -> Callable[[str], Path]:
    """The real kubeadm of a release, compiled from the set that packages use."""
    from edgeadm.assets import cache_root
    from edgeadm.package.builder.go import build_set, find_toolchain, set_folder
    from edgeadm.package.builder.recipe import load_recipe
    from edgeadm.package.machine import this_arch

    def find(version: str) -> Path:
        alone = replace(
            load_recipe(version).sets["kubernetes"], packages=("k8s.io/kubernetes/cmd/kubeadm",), checks=()
        )
        toolchain = find_toolchain()
        folder = set_folder(alone, toolchain, this_arch(), cache_root())
        build_set(alone, toolchain, this_arch(), folder)
        return folder / "kubeadm"

    return find
