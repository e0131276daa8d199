"""A host in memory, for tests; the contract tests verify that it behaves like a Host."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from edgeadm.hosts.base import FileInfo, OnLine, Result, Source, show
from edgeadm.hosts.file_by_file import FileByFile

Answer = Result | Callable[["FakeHost", tuple[str, ...], bytes], Result]


@dataclass
class FakeHost(FileByFile):
    """A command without a prepared result fails the test. The longest matching key is used."""

    name: str = "fake"
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ask(self, *argv: str, stdin: bytes = b"", timeout: float | None = None) -> Result:  # noqa: ARG002
        self.asked.append(show(argv))
        return self._answer(argv, stdin)

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        on_line: OnLine | None = None,
    ) -> Result:
        self.ran.append(show(argv))
        result = self._answer(argv, stdin)
        for line in (result.out + result.err).splitlines() if on_line else ():
            on_line(line)  # type: ignore[misc]  # checked on the line above
        return result.checked()

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def stat(self, path: str) -> FileInfo | None:
        if path in self.links:
            return FileInfo("link", 0o777, target=self.links[path])
        if path in self.files:
            data = self.files[path]
            return FileInfo(
                "file", self.modes.get(path, 0o644), len(data), stamp=hashlib.sha256(data).hexdigest()
            )
        inside = path.rstrip("/") + "/"
        return FileInfo("dir", 0o755) if any(name.startswith(inside) for name in self.files) else None

    def names(self, path: str) -> tuple[str, ...]:
        inside = path.rstrip("/") + "/"
        return tuple(
            sorted({name[len(inside) :].split("/")[0] for name in self.files if name.startswith(inside)})
        )

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.files[path] = data
        self.modes[path] = mode

    def put(self, source: Source, path: str, mode: int = 0o755) -> None:
        self.write(path, source.local().read_bytes(), mode)

    def stage(self, source: Source) -> str:
        return f"/staged/{source.sha256}"

    def append(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.write(path, self.files.get(path, b"") + data, self.modes.get(path, mode))

    def remove(self, path: str) -> None:
        self.files.pop(path, None)
        self.modes.pop(path, None)
        self.links.pop(path, None)

    def _answer(self, argv: tuple[str, ...], stdin: bytes) -> Result:
        line = show(argv)
        fitting = [start for start in self.answers if line == start or line.startswith(start + " ")]
        if not fitting:
            raise AssertionError(f"{self.name} was given no answer for: {line}")
        answer = self.answers[max(fitting, key=len)]
        return replace(answer if isinstance(answer, Result) else answer(self, argv, stdin), argv=argv)
