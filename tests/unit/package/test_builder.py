"""Building: what is cached, what images are, and a whole build whose programs are there already."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.errors import EdgeadmError
from edgeadm.hosts.process import execute
from edgeadm.package import verify
from edgeadm.package.builder import build_package
from edgeadm.package.builder.build import build_recipe
from edgeadm.package.builder.cache import key_of, once
from edgeadm.package.builder.go import Toolchain, find_toolchain, set_folder
from edgeadm.package.builder.images import ImageBuilder
from edgeadm.package.builder.layers import BASE, LayerFile, write_layer
from edgeadm.package.builder.packetfilter import libraries_of, links, packet_filter_files
from edgeadm.package.builder.recipe import Image, ModuleSet, Programs, Recipe, Tools
from edgeadm.package.builder.steps import Steps
from edgeadm.package.machine import this_arch

ROLES = ("control-plane", "worker", "edge")
GO = Toolchain(Path("/nowhere/go"), "go1.0")


def test_a_result_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(out: Path) -> None:
        made.append(out)
        (out / "result").write_text("x")

    assert once(tmp_path / "cache" / "a", make)
    assert not once(tmp_path / "cache" / "a", make)
    assert len(made) == 1
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a"]


def test_a_failure_leaves_no_result(tmp_path: Path) -> None:
    def fail(out: Path) -> None:
        (out / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(tmp_path / "cache" / "a", fail)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_result_that_somebody_else_made_meanwhile_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "a"

    def make(_out: Path) -> None:
        folder.mkdir()
        (folder / "theirs").write_text("x")

    once(folder, make)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (folder / "theirs").exists()


def test_a_key_changes_with_each_part() -> None:
    keys = [key_of(), key_of(1), key_of("1"), key_of(b"1"), key_of("1", ""), key_of(["1"]), key_of({"a": 1})]
    assert len(set(keys)) == len(keys)
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


def test_a_set_has_another_folder_when_anything_about_it_changes(tmp_path: Path) -> None:
    each = module_set(tmp_path / "set")
    seen = {set_folder(each, GO, "amd64", tmp_path)}
    seen.add(set_folder(each, GO, "arm64", tmp_path))
    seen.add(set_folder(each, Toolchain(GO.root, "go1.1"), "amd64", tmp_path))
    seen.add(set_folder(module_set(tmp_path / "set", stamps=("v=1",)), GO, "amd64", tmp_path))
    (each.folder / "go.sum").write_text("changed")
    seen.add(set_folder(each, GO, "amd64", tmp_path))
    assert len(seen) == 5
    assert set_folder(each, Toolchain(Path("/else/go"), "go1.0"), "amd64", tmp_path) in seen


def test_a_layer_is_the_same_whatever_the_order_and_times(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 700)
    entries = [LayerFile("usr/sbin/b", file), LayerFile("usr/sbin/a", target="b"), *BASE]
    first = write_layer(entries, tmp_path / "1.tar")
    file.touch()
    second = write_layer(reversed(entries), tmp_path / "2.tar")
    assert (first.digest, first.size) == (second.digest, second.size)
    with tarfile.open(tmp_path / "1.tar") as layer:
        names = layer.getnames()
        assert names == sorted(names)
        assert layer.getmember("tmp").mode == 0o1777
        assert layer.getmember("usr/sbin/a").linkname == "b"
        assert {(each.mtime, each.uid, each.gid) for each in layer} == {(0, 0, 0)}


def test_an_image_is_an_oci_layout_under_its_full_name(tmp_path: Path) -> None:
    built = ImageBuilder("amd64", {"etcd": programs(tmp_path, "etcd")}, tmp_path).build(
        Image("registry.k8s.io/etcd:3.6.5-0", "etcd", "/usr/local/bin/etcd", ROLES)
    )
    with tarfile.open(built.tar) as archive:
        files = {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["digest"] == built.digest
    assert entry["annotations"] == {
        "io.containerd.image.name": "registry.k8s.io/etcd:3.6.5-0",
        "org.opencontainers.image.ref.name": "3.6.5-0",
    }
    blobs = {name: data for name, data in files.items() if name.startswith("blobs/sha256/")}
    assert all(name.endswith(hashlib.sha256(data).hexdigest()) for name, data in blobs.items())
    manifest = json.loads(blobs[f"blobs/{built.digest.replace(':', '/')}"])
    config = json.loads(blobs[f"blobs/{manifest['config']['digest'].replace(':', '/')}"])
    assert config["rootfs"]["diff_ids"] == [each["digest"] for each in manifest["layers"]]
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/etcd"]
    assert len(blobs) == 2 + len(manifest["layers"])


def test_images_share_their_base(tmp_path: Path) -> None:
    folders = {name: programs(tmp_path, name) for name in ("etcd", "pause")}
    builder = ImageBuilder("amd64", folders, tmp_path)
    layers = []
    for name in folders:
        built = builder.build(Image(f"registry.k8s.io/{name}:1", name, f"/{name}", ROLES))
        with tarfile.open(built.tar) as archive:
            layers.append({each.name for each in archive})
    assert len([name for name in layers[0] & layers[1] if name.startswith("blobs/")]) == 1


def test_what_a_program_reads_when_it_runs_is_in_its_image(tmp_path: Path) -> None:
    folder = programs(tmp_path, "etcd")
    (folder / "definitions" / "more").mkdir(parents=True)
    (folder / "definitions" / "more" / "a.yaml").write_text("kind: A")
    image = Image("registry.k8s.io/etcd:1", "etcd", "/etcd", ROLES, extras=(("definitions", "/etc/x"),))
    built = ImageBuilder("amd64", {"etcd": folder}, tmp_path).build(image)
    assert b"etc/x/more/a.yaml" in built.tar.read_bytes()
    plain = ImageBuilder("amd64", {"etcd": folder}, tmp_path).build(replace(image, extras=()))
    assert plain.digest != built.digest
    with pytest.raises(EdgeadmError, match="no directory other") as refused:
        ImageBuilder("amd64", {"etcd": folder}, tmp_path).build(replace(image, extras=(("other", "/etc/x"),)))
    assert refused.value.code == "package-build"


def test_ldd_is_understood() -> None:
    text = (
        "\tlinux-vdso.so.1 (0x00007f58392b7000)\n"
        "\tlibxtables.so.12 => /lib/x86_64-linux-gnu/libxtables.so.12 (0x00007f58391f1000)\n"
        "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5838fd4000)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f58392b9000)\n"
    )
    assert libraries_of(text) == {
        "lib/x86_64-linux-gnu/libxtables.so.12",
        "lib/x86_64-linux-gnu/libc.so.6",
        "lib64/ld-linux-x86-64.so.2",
    }


@pytest.mark.runs_programs
def test_the_packet_filter_is_the_same_list_every_time_with_what_its_extensions_load(tmp_path: Path) -> None:
    program, other = shutil.which("sh"), shutil.which("ls")
    assert program is not None
    assert other is not None
    for path in ("usr/sbin/xtables-nft-multi", "usr/sbin/nft"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program, tmp_path / path)
    needed = {
        each: libraries_of(execute(["ldd", each], env={"LC_ALL": "C"}).out) for each in (program, other)
    }
    assert needed[other] - needed[program]
    for path in needed[program] | needed[other]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"library")
    (tmp_path / "usr/lib/xtables").mkdir(parents=True)
    for name in ("libxt_mark.so", "libipt_REJECT.so", "libebt_arp.so"):
        shutil.copy(other, tmp_path / "usr/lib/xtables" / name)
    files = [each.path for each in packet_filter_files(tmp_path) if not each.target]
    assert files == sorted(files)
    assert [path for path in files if "xtables/" in path] == [
        "usr/lib/xtables/libipt_REJECT.so",
        "usr/lib/xtables/libxt_mark.so",
    ]
    assert needed[other] <= set(files)


def test_iptables_goes_by_its_usual_names() -> None:
    names = {each.path.rpartition("/")[2] for each in links()}
    assert {"iptables", "iptables-save", "iptables-restore", "ip6tables", "iptables-nft"} <= names
    assert {each.target for each in links()} == {"xtables-nft-multi"}


def test_steps_are_numbered_and_tell_long_times() -> None:
    said: list[str] = []
    times = iter([0.0, 0.2, 1.0, 13.5])
    steps = Steps(said.append, 12, clock=lambda: next(times))
    with steps.step("quick"):
        pass
    with steps.step("slow"):
        steps.detail("working")
    assert said == [
        "[1/12]  quick",
        "[2/12]  slow",
        "        working",
        "        12.5 s",
    ]


def test_with_everything_cached_the_same_package_comes_out(tmp_path: Path) -> None:
    packages = []
    for number in (1, 2):
        target = tmp_path / f"{number}.tar.zst"
        built = build_recipe(
            recipe(tmp_path), target, "amd64", tmp_path / "cache", _quiet, executable=own, toolchain=GO
        )
        packages.append(target.read_bytes())
        assert (built.size, built.sha256) == (len(packages[-1]), hashlib.sha256(packages[-1]).hexdigest())
    assert packages[0] == packages[1]
    manifest = verify(target, arch="amd64")
    found = {each.path: (each.kind, each.roles, each.mode) for each in manifest.files}
    assert found == {
        "bin/etcd": ("program", ("edge",), 0o755),
        "cni/bridge": ("cni-plugin", ROLES, 0o755),
        "edgeadm/_internal/data.txt": ("edgeadm", ROLES, 0o644),
        "edgeadm/edgeadm": ("edgeadm", ROLES, 0o755),
        "images/etcd.tar": ("image", ROLES, 0o644),
        "tools/vip/bridge": ("tool", ("edge",), 0o755),
    }
    assert [each.name for each in manifest.images] == ["registry.k8s.io/etcd:3.6.5-0"]
    assert manifest.components == {"etcd": "v1"}


def test_a_program_that_a_set_does_not_give_is_named(tmp_path: Path) -> None:
    broken = recipe(tmp_path, program="etcdutl")
    with pytest.raises(EdgeadmError, match="no binary etcdutl") as refused:
        build_recipe(
            broken, tmp_path / "x", "amd64", tmp_path / "cache", _quiet, executable=own, toolchain=GO
        )
    assert (refused.value.code, refused.value.exit_code) == ("package-build", 4)


def test_another_processor_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    other = "arm64" if this_arch() != "arm64" else "amd64"
    with pytest.raises(EdgeadmError) as refused:
        build_package("v1.34.4", tmp_path / "x", arch=other, cache=tmp_path / "cache", say=_quiet)
    assert (refused.value.code, refused.value.exit_code) == ("cross-build-unsupported", 3)
    assert all(
        word in refused.value.message
        for word in ("runc", "flannel", "iptables", "keepalived and haproxy", "executable")
    )
    assert list(tmp_path.iterdir()) == []


def test_without_the_toolchain_the_extra_is_named() -> None:
    with pytest.raises(EdgeadmError) as refused:
        find_toolchain("edgeadm-has-no-such-dependency")
    assert refused.value.code == "go-toolchain-missing"
    assert refused.value.hint == "pip install 'edgeadm[build]'"


def module_set(folder: Path, **changes: tuple[str, ...]) -> ModuleSet:
    """A set with a go.mod, named etcd."""
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text("module etcd")
    (folder / "go.sum").write_text("")
    return ModuleSet("etcd", folder, "etcd", "v1", **changes)  # type: ignore[arg-type]


def programs(folder: Path, *names: str) -> Path:
    """A folder with these programs."""
    for name in names:
        (folder / f"built-{names[0]}").mkdir(exist_ok=True)
        (folder / f"built-{names[0]}" / name).write_bytes(name.encode() * 1000)
    return folder / f"built-{names[0]}"


def recipe(folder: Path, program: str = "etcd") -> Recipe:
    """A small recipe whose set was built before."""
    each = module_set(folder / "set")
    built = set_folder(each, GO, "amd64", folder / "cache")
    built.mkdir(parents=True, exist_ok=True)
    for name in ("etcd", "bridge"):
        (built / name).write_bytes(name.encode())
    return Recipe(
        kubernetes="v1.34.4",
        sets={"etcd": each},
        programs=(Programs("etcd", (program,), ("edge",)),),
        plugins=(Programs("etcd", ("bridge",), ROLES),),
        images=(Image("registry.k8s.io/etcd:3.6.5-0", "etcd", "/usr/local/bin/etcd", ROLES),),
        tools=(Tools("vip", ("bridge",), ("edge",), "etcd"),),
    )


def own(cache: Path, _say: object) -> Path:
    """edgeadm's own program, for a test."""
    tree = cache / "own"
    (tree / "_internal").mkdir(parents=True, exist_ok=True)
    (tree / "edgeadm").write_text("#!")
    (tree / "edgeadm").chmod(0o755)
    (tree / "_internal" / "data.txt").write_text("x")
    return tree


def _quiet(_text: str) -> None:
    """Nobody listens."""
