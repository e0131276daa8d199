"""`edgeadm package`: build, list and verify offline packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeadm.assets import cache_root
from edgeadm.cli import console, options, pflag

if TYPE_CHECKING:
    from datetime import date

    from edgeadm.package import FileEntry, Manifest

MIB = 1 << 20


@click.group("package", cls=pflag.Group)
def command() -> None:
    """Build, list and verify offline packages."""


@command.command("build")
@click.option(
    "--kubernetes",
    metavar="VERSION",
    help="Kubernetes version that has a recipe.  [default: the one that edgeadm is tested with]",
)
@click.option("--arch", help="Architecture of the nodes: amd64 or arm64.  [default: that of this host]")
@click.option(
    "-o",
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Output file.  [default: kubernetes-VERSION-ARCH.tar.zst]",
)
@options.long_output_events
def build(kubernetes: str | None, arch: str | None, file: Path | None, output: str) -> None:
    """Compile the contents of a package and write it.

    Requires the extra `edgeadm[build]`, and Debian or Ubuntu. The first build takes minutes, later ones reuse
    its results.
    """
    from edgeadm.errors import UsageError
    from edgeadm.package.builder import build_package, default_kubernetes, load_recipe
    from edgeadm.package.machine import this_arch

    if str(file) in ("json", "text"):
        raise UsageError("`-o` of this command is the output file", hint="use `--output json`")
    version = load_recipe(kubernetes or default_kubernetes()).kubernetes
    target = file or Path(f"kubernetes-{version}-{arch or this_arch()}.tar.zst")
    built = build_package(version, target, arch=arch, say=console.say)
    if output == "json":
        console.data_json(
            {
                "path": str(built.path),
                "size": built.size,
                "sha256": built.sha256,
                "kubernetes": built.manifest.kubernetes,
                "arch": built.manifest.arch,
                "seconds": round(built.seconds, 1),
            }
        )
    else:
        console.talk(f"{built.size / MIB:.0f} MiB in {built.seconds:.0f} s")
        console.data(f"{built.sha256}  {built.path}")


@command.command("list")
@click.argument("package")
@options.output
def list_contents(package: str, output: str) -> None:
    """Show the contents of PACKAGE: a file, a directory or a URL. Files are not verified."""
    from edgeadm.package import open_source, read_manifest

    manifest = read_manifest(open_source(package, cache_root() / "packages"))
    _warn_of_support(manifest)
    if output == "json":
        console.data_json(manifest.as_dict())
        return
    for line in _listing(manifest):
        console.data(line)


@command.command("verify")
@click.argument("package")
@click.option("--arch", help="Also verify that the package is for this architecture: amd64, arm64.")
@options.output
def verify(package: str, arch: str | None, output: str) -> None:
    """Verify every byte of PACKAGE against its manifest. Nothing is unpacked or executed."""
    from edgeadm.package import open_source
    from edgeadm.package import verify as check

    manifest = check(open_source(package, cache_root() / "packages"), arch=arch)
    _warn_of_support(manifest)
    if output == "json":
        console.data_json({"package": package, "verified": True, **_summary(manifest)})
        return
    summary = _summary(manifest)
    console.data(
        f"{package}: {summary['files']} files, {summary['bytes'] / MIB:.0f} MiB, all match the manifest"
    )


def _warn_of_support(manifest: Manifest) -> None:
    """Warn on stderr if the package's Kubernetes is out of support, by this host's clock."""
    from edgeadm.package.support import said_of_support, supported_until

    today, until = _today(), supported_until(manifest.kubernetes)
    if until is not None and today > until:
        console.warn(f"warning: {said_of_support(manifest.kubernetes, today)}")


def _today() -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _summary(manifest: Manifest) -> dict[str, Any]:
    from edgeadm.package.support import supported_until

    until = supported_until(manifest.kubernetes)
    return {
        "schema": manifest.schema,
        "edgeadm": manifest.edgeadm,
        "kubernetes": manifest.kubernetes,
        "supportedUntil": str(until) if until else None,
        "arch": manifest.arch,
        "files": len(manifest.files),
        "images": len(manifest.images),
        "bytes": sum(each.size for each in manifest.files),
    }


def _listing(manifest: Manifest) -> list[str]:
    """Components, images, then files; a program with its own directory is one line."""
    from edgeadm.package.support import supported_until

    until = supported_until(manifest.kubernetes)
    support = f" (supported until {until})" if until else ""
    lines = [f"Kubernetes {manifest.kubernetes or 'of unknown version'}{support}, {manifest.arch}"]
    lines += [f"built by edgeadm {manifest.edgeadm}, schema {manifest.schema}", ""]
    if manifest.components:
        lines += [*_table(sorted(manifest.components.items())), ""]
    if manifest.images:
        lines += [*_table([(each.name, ",".join(each.roles), each.digest) for each in manifest.images]), ""]
    whole = ("edgeadm", "tool")
    rows = [
        (each.path, ",".join(each.roles), f"{each.size / MIB:.1f} MiB")
        for each in manifest.files
        if each.kind not in whole
    ]
    for folder in sorted({_folder(each) for each in manifest.files if each.kind in whole}):
        inside = [each for each in manifest.files if each.kind in whole and _folder(each) == folder]
        total = sum(each.size for each in inside) / MIB
        rows.append((f"{folder}/ ({len(inside)} files)", ",".join(inside[0].roles), f"{total:.1f} MiB"))
    return lines + _table(rows)


def _folder(entry: FileEntry) -> str:
    """`edgeadm`, or a directory of tools; all files of one directory have the same roles."""
    return "/".join(entry.path.split("/")[: 2 if entry.kind == "tool" else 1])


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    return console.columns(rows, gap=2)
