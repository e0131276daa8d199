from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeadm.core.phase import Context, Verdict
from edgeadm.hosts import facts
from edgeadm.package.manifest import ImageEntry
from edgeadm.package.opened import PackedFile
from edgeadm.phases.common import runtime_is_ours
from edgeadm.phases.runtime import pause_image

CTR = ("ctr", "--namespace", "k8s.io")
PIN = "io.cri-containerd.pinned"
PINNED = f"{PIN}=pinned"
EVENT = "image"  # in the journal: what was there under a name before edgeadm gave containerd an image


@dataclass(frozen=True)
class Images:
    """Gives containerd the package's images, once, and pins them: the kubelet collects images that seem
    unused when the disk fills, and what came in a package cannot be pulled again."""

    name: str = "images"
    summary: str = "import and pin the package's images"

    def check(self, ctx: Context) -> Verdict:
        if ctx.package is None or not ctx.package.images():
            return Verdict(needed=False, reason="no package was given: images are pulled")
        if ctx.config.addon.kubeconfig and facts.runtime(ctx.host) is None:
            return Verdict(needed=False, reason="this machine has no containerd: it is none of the nodes")
        missing = [image.name for image, _ in _missing(ctx)]
        if not missing:
            return Verdict(
                needed=False, reason=f"all {len(ctx.package.images())} images are there and pinned"
            )
        return Verdict(needed=True, reason=f"to import and pin: {', '.join(missing)}")

    def apply(self, ctx: Context) -> None:
        for image, file in _missing(ctx):
            ctx.journal.add(EVENT, image=image.name, before=present(ctx).get(image.name, ("", False))[0])
            ctx.host.run(*CTR, "images", "import", "--digests=false", ctx.host.stage(file))
            ctx.host.run(*CTR, "images", "label", image.name, PINNED)
            ctx.say(f"imported {image.name}")
        wanted = _foreign_sandbox(ctx)
        if wanted:
            ctx.journal.add(EVENT, image=wanted, before="")
            ctx.host.run(*CTR, "images", "tag", "--force", pause_image(ctx), wanted)
            ctx.host.run(*CTR, "images", "label", wanted, PINNED)

    def undo(self, ctx: Context) -> None:
        for image, _ in ctx.package.images() if ctx.package else ():
            if image.name in present(ctx):
                ctx.host.run(*CTR, "images", "rm", image.name)


def _missing(ctx: Context) -> Iterator[tuple[ImageEntry, PackedFile]]:
    there = present(ctx)
    for image, file in ctx.package.images() if ctx.package else ():
        digest, pinned = there.get(image.name, ("", False))
        if digest != image.digest or not pinned:
            yield image, file


def present(ctx: Context) -> dict[str, tuple[str, bool]]:
    """Name → digest and whether it is pinned, of every image that containerd has."""
    found = {}
    for line in ctx.host.ask(*CTR, "images", "ls").out.splitlines()[1:]:
        columns = line.split()
        if len(columns) > 2:
            found[columns[0]] = (columns[2], PINNED in columns[-1])
    return found


def _foreign_sandbox(ctx: Context) -> str:
    """The sandbox image that the host's own containerd wants, where the package has it under another name."""
    if runtime_is_ours(ctx):
        return ""
    found = facts.runtime(ctx.host)
    wanted = found.sandbox_image if found else ""
    return wanted if wanted and wanted not in present(ctx) else ""
