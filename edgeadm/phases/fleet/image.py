"""The image of the fleet controller in this host's containerd."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.apps import fleet
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.hosts import images as hosts_images
from edgeadm.package.machine import this_arch
from edgeadm.package.manifest import ImageEntry
from edgeadm.package.opened import PackedFile
from edgeadm.phases.images import EVENT


@dataclass(frozen=True)
class FleetImage(Phase):
    """Imports the image of the controller on this control plane, and pins it. A package for another
    architecture contains none for this host."""

    name: str = "image"
    summary: str = "import and pin the image of the fleet controller"

    def check(self, ctx: Context) -> Verdict:
        found = _packed(ctx)
        if found is None:
            return Verdict(needed=False, reason="no package with an image for this host was given")
        if facts.runtime(ctx.host) is None:
            return Verdict(needed=False, reason="containerd is not installed: this host is not a node")
        if hosts_images.present(ctx.host).get(found[0].name) == (found[0].digest, True):
            return Verdict(needed=False, reason=f"{found[0].name} is imported and pinned")
        return Verdict(needed=True, reason=f"to import and pin: {found[0].name}")

    def apply(self, ctx: Context) -> None:
        found = _packed(ctx)
        if found is None:
            return
        image, file = found
        before = hosts_images.present(ctx.host).get(image.name, ("", False))[0]
        ctx.journal.add(EVENT, image=image.name, before=before)
        hosts_images.import_pinned(
            ctx.host, ctx.host.stage(file), image.name, hosts_images.import_flags(ctx.host)
        )
        ctx.say(f"imported {image.name}")


def _packed(ctx: Context) -> tuple[ImageEntry, PackedFile] | None:
    if ctx.package is None or ctx.package.manifest.arch != this_arch():
        return None
    wanted = ctx.package.image_named(fleet.IMAGE)
    return next((each for each in ctx.package.images() if each[0].name == wanted), None)
