"""checkov over everything that edgeadm renders for a cluster: `make checkov`.

It has a virtual environment of its own in the cache, of pinned and hashed requirements: its dependencies are
not ours. Every finding needs a reason in tools/checkov.toml, every reason a finding, and there is a limit."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from edgeadm.assets import cache_root  # noqa: E402
from edgeadm.hosts.process import execute  # noqa: E402
from tests.golden.test_schemas import MANIFESTS  # noqa: E402
from tests.golden.test_texts import CASES, HERE  # noqa: E402

REQUIREMENTS = ROOT / "requirements-checkov.txt"
REASONS = ROOT / "tools/checkov.toml"


@dataclass(frozen=True, order=True)
class Finding:
    """What checkov does not like about one object."""

    check: str
    file: str
    resource: str
    title: str


def main() -> int:
    """Exit status 1 where a finding has no reason, a reason no finding, or there are too many."""
    settings = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    found = sorted(findings(installed()))
    reasons = settings["reason"]
    bare = [each for each in found if not any(explains(reason, each) for reason in reasons)]
    idle = [reason for reason in reasons if not any(explains(reason, each) for each in found)]
    for each in bare:
        print(f"no reason: {each.check} {each.file} {each.resource}: {each.title}")
    for reason in idle:
        print(f"no finding any more: {', '.join(reason['checks'])} on {', '.join(reason.get('on', ['all']))}")
    print(f"{len(found)} findings, {settings['limit']} at most, {len(bare)} without a reason")
    return int(bool(bare or idle or len(found) > settings["limit"]))


def explains(reason: dict[str, Any], finding: Finding) -> bool:
    """Whether the reason is one for this finding."""
    return finding.check in reason["checks"] and finding.file in reason.get("on", [finding.file])


def findings(program: Path) -> Iterator[Finding]:
    """What checkov finds in the manifests, each template rendered once. Raises RuntimeError where it did not
    look at all of them."""
    with tempfile.TemporaryDirectory() as folder:
        names = sorted({CASES[name][0]: name for name in reversed(MANIFESTS)}.values())
        for name in names:
            (Path(folder) / name).write_bytes((HERE / name).read_bytes())
        report = scan(program, folder)
    if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
        raise RuntimeError(f"checkov could not read all of it: {report['summary']}")
    every: dict[tuple[str, str], Finding] = {}  # a template may be part of another
    for each in report["results"]["failed_checks"]:
        file, resource = each["file_path"].lstrip("/"), each["resource"]
        found = Finding(each["check_id"], file, resource, each["check_name"])
        every[found.check, resource] = min(found, every.get((found.check, resource), found))
    yield from every.values()


def scan(program: Path, folder: str) -> Any:
    """checkov's report on a folder."""
    words = [str(program), "-d", folder, "--framework", "kubernetes", "--output", "json", "--quiet"]
    words += ["--compact", "--skip-download"]
    ended = execute(words, env={"LOG_LEVEL": "CRITICAL"})
    try:
        return json.loads(ended.out)
    except ValueError:
        raise RuntimeError(f"checkov said no JSON: {ended.err[-2000:]}") from None


def installed() -> Path:
    """checkov's program; installs it if necessary."""
    state = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_root() / "tools" / f"checkov-{state}"
    if not (folder / ".ready").exists():
        print("installing checkov", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        execute([*pip, "install", "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS)]).checked()
        (folder / ".ready").touch()
    return folder / "bin/checkov"


if __name__ == "__main__":
    sys.exit(main())
