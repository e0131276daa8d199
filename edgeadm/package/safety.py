"""Validates paths and links of a package: none may reach outside its own tree."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from edgeadm.package.errors import PackageDuplicateError, PackageLinkError, PackagePathError

HINT = "the package was not built by edgeadm, or was modified: do not use it"


def check_path(path: str) -> None:
    """Raises PackagePathError unless the path is relative, normalized, and within the tree."""
    plain = posixpath.normpath(path) if path else ""
    printable = path.isprintable() and "\\" not in path
    if (
        not path
        or path != plain
        or path.startswith("/")
        or path.split("/")[0] in ("..", ".")
        or not printable
    ):
        raise PackagePathError(f"the path {path!r} is not a plain path inside the package", hint=HINT)


def check_tree(entries: Iterable[tuple[str, str]]) -> None:
    """Validate (path, link target) pairs together; the target is empty for files.

    No path may go through a link: each link can then be validated by its own text. Raises PackagePathError,
    PackageDuplicateError, PackageLinkError.
    """
    targets: dict[str, str] = {}
    for path, target in entries:
        check_path(path)
        if path in targets:
            raise PackageDuplicateError(f"{path} is listed twice", hint=HINT)
        targets[path] = target
    for path, target in targets.items():
        for folder in _folders(path):
            if targets.get(folder):
                raise PackageLinkError(f"{path} goes through the link {folder}", hint=HINT)
            if folder in targets:
                raise PackagePathError(f"{path} is below {folder}, which is a file", hint=HINT)
        if target:
            _check_link(path, target, targets)


def _check_link(path: str, target: str, targets: dict[str, str]) -> None:
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    # In a normalized target, `..` is only at the start, where it passes real directories.
    plain = posixpath.normpath(target) == target and target.isprintable()
    if not plain or target.startswith("/") or reached.split("/")[0] in ("..", "."):
        raise PackageLinkError(f"the link {path} → {target!r} leaves the package's tree", hint=HINT)
    if reached == path or any(targets.get(folder) for folder in _folders(reached)):
        raise PackageLinkError(f"the link {path} → {target!r} goes through a link", hint=HINT)


def _folders(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
