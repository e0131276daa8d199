"""The root image: a bare Debian, created once, shared read-only by all nodes."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgeadm.hosts.debian import OS_RELEASE, parse_os_release
from edgeadm.hosts.process import execute
from edgeadm.sandbox.errors import RootImageError
from edgeadm.sandbox.recipe import NEVER, NOT_BARE, Recipe, recipe_of, suite_of

DEFAULT_SUITE = "bookworm"
# Distribution → the components of its archive that contain the packages.
COMPONENTS = {"debian": "main", "ubuntu": "main,universe"}


@dataclass(frozen=True)
class Source:
    """The source of the packages: an empty mirror is debootstrap's own default."""

    suite: str
    components: str = "main"
    mirror: str = ""
    keyring: str = ""
    proxy: str = ""


def root_image(images: Path, say: Callable[[str], None], name: str = "", *, bare: bool = False) -> Path:
    """The image's directory below `images`; builds it if it does not exist.

    `name` is one of debian-11, debian-12 and debian-13; empty: the release of this host. `bare` is
    debootstrap's default installation with sshd. Raises RootImageError; UsageError for an unknown name.
    """
    source = host_source()
    if name:
        source = other_suite(source, suite_of(name))
    recipe = recipe_of(source.suite, source.components, bare=bare)
    image = images / recipe.key
    if image.is_dir():
        return image
    images.mkdir(parents=True, exist_ok=True)
    with only_builder(images / f".{recipe.key}.lock", say):
        if not image.is_dir():
            kind = "bare " if recipe.is_bare else ""
            say(f"creating the {kind}root image of the nodes, {recipe.suite} (once, a minute or two)")
            _build(recipe, source, image.with_name(f".{recipe.key}.part"), image, say)
    return image


def host_source() -> Source:
    """The release of this host, from the mirror of its apt; on other systems Debian's default.

    It is the same release because edgeadm's executable requires the C library that it was built with, or a
    newer one.
    """
    listed = execute(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI) $(SIGNED_BY)",
        ]
    )
    release = parse_os_release(OS_RELEASE.read_text()) if OS_RELEASE.exists() else {}
    suite, components = release.get("VERSION_CODENAME", ""), COMPONENTS.get(release.get("ID", ""), "")
    if not suite or not components:
        return Source(DEFAULT_SUITE)
    mirror, keyring = parse_targets(listed.out, suite)
    proxy = execute(["apt-config", "shell", "P", "Acquire::http::Proxy"]).out
    found = re.search(r"P='([^']+)'", proxy)
    return Source(suite, components, mirror, keyring, found.group(1) if found else "")


def other_suite(source: Source, suite: str) -> Source:
    """The source of another suite of Debian. If this host runs another distribution, or a key per suite is
    used, Debian's own defaults apply."""
    if suite == source.suite:
        return source
    if source.components != COMPONENTS["debian"]:
        return Source(suite, proxy=source.proxy)
    return replace(source, suite=suite, keyring="")


def parse_targets(text: str, suite: str) -> tuple[str, str]:
    """The mirror and keyring of a suite's main packages in the output of `apt-get indextargets`."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[:3] == ["Packages", suite, "main"]:
            keyring = words[4] if len(words) > 4 and words[4].startswith("/") else ""
            return words[3], keyring
    return "", ""


def _build(recipe: Recipe, source: Source, part: Path, image: Path, say: Callable[[str], None]) -> None:
    remove_tree(part)
    argv = ["debootstrap", f"--components={recipe.components}"]
    argv += [f"--variant={recipe.variant}"] if recipe.variant else []
    argv.append(f"--include={','.join(recipe.packages)}")
    if source.keyring:
        argv.append(f"--keyring={source.keyring}")
    argv += [recipe.suite, str(part)]
    if source.mirror:
        argv.append(source.mirror)
    env = {"http_proxy": source.proxy} if source.proxy else {}

    def progress(line: str) -> None:
        if line.startswith(
            ("I: Retrieving InRelease", "I: Extracting dpkg", "I: Configuring libc6", "I: Base system")
        ):
            say(f"  debootstrap: {line.removeprefix('I: ')}")

    result = execute(argv, env=env, on_line=progress)
    if result.code:
        tail = "\n".join((result.out + "\n" + result.err).strip().splitlines()[-15:])
        raise RootImageError(
            f"debootstrap could not create the root image of {recipe.suite}",
            context=tail,
            hint=(
                "check that `apt-get update` works on this host: the image comes from the same archive, "
                f"which may not contain {recipe.suite}"
            ),
        )
    _finish(recipe, part)
    assert_bare(part, NOT_BARE if recipe.is_bare else ())
    part.rename(image)
    say(f"root image ready: {image}")


def _finish(recipe: Recipe, root: Path) -> None:
    for pattern in recipe.removed:
        for found in sorted(root.glob(pattern)):
            shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
    (root / "etc/machine-id").touch()
    (root / "etc/hostname").unlink(missing_ok=True)
    (root / "etc/default/locale").write_text("LANG=C.UTF-8\n")
    (root / "etc/fstab").write_text("# A node's disks are mounted from outside.\n")


def assert_bare(root: Path, more: tuple[str, ...] = ()) -> None:
    """Raises RootImageError if the image contains a program that edgeadm must install."""
    folders = ("usr/local/bin", "usr/local/sbin", "usr/bin", "usr/sbin")
    found = [
        f"/{folder}/{name}"
        for folder in folders
        for name in (*NEVER, *more)
        if (root / folder / name).is_symlink() or (root / folder / name).exists()
    ]
    if found:
        raise RootImageError(
            "the root image is not bare: it has " + ", ".join(found),
            hint="nodes must get these from edgeadm; a package of the image installs them",
        )


def remove_tree(path: Path) -> None:
    """Delete a directory in which a build may have left mounted file systems."""
    if not path.exists():
        return
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{path}/")), reverse=True):
        execute(["umount", "--lazy", mount]).checked()
    shutil.rmtree(path)


@contextmanager
def only_builder(lock: Path, say: Callable[[str], None]) -> Iterator[None]:
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another edgeadm is creating the root image; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
