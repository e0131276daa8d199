"""The package's images in containerd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgeadm.checks.engine import run_checks
from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts import facts
from edgeadm.hosts import images as hosts_images
from edgeadm.hosts.images import CTR, PINNED
from edgeadm.kubeadm.images import compare
from edgeadm.node.wanted_images import addon_images, aliases, packed_names
from edgeadm.package.manifest import ImageEntry
from edgeadm.package.opened import PackedFile
from edgeadm.preflight.images import TAGS
from edgeadm.preflight.report import failure, judged, warning_line

EVENT = "image"  # in the journal: the image under a name before edgeadm tagged another one


@dataclass(frozen=True)
class Images(Phase):
    """Imports the package's images into containerd, once, and pins them: the kubelet deletes seemingly unused
    images if the disk fills, and offline nodes cannot pull them again. An image that is requested from
    another registry gets this name as well."""

    name: str = "images"
    summary: str = "import and pin the package's images"

    def check(self, ctx: Context) -> Verdict:
        if ctx.package is None or not ctx.package.images():
            return Verdict(needed=False, reason="no package was given: images are pulled")
        if ctx.config.addon.kubeconfig and facts.runtime(ctx.host) is None:
            return Verdict(needed=False, reason="containerd is not installed: this host is not a node")
        missing = [image.name for image, _ in _missing(ctx)]
        if missing:
            return Verdict(needed=True, reason=f"to import and pin: {', '.join(missing)}")
        unnamed = _unnamed(ctx)
        if unnamed:
            return Verdict(needed=True, reason=f"to tag: {', '.join(unnamed)}")
        return Verdict(needed=False, reason=f"all {len(ctx.package.images())} images are imported and pinned")

    def apply(self, ctx: Context) -> None:
        if ctx.config.addon.kubeconfig:
            refuse_other_tags(ctx, addon_images(ctx))
        missing = list(_missing(ctx))
        _announce(ctx, *(image.name for image, _ in missing))
        flags = hosts_images.import_flags(ctx.host) if missing else ()
        for image, file in missing:
            hosts_images.import_pinned(ctx.host, ctx.host.stage(file), image.name, flags)
            ctx.say(f"imported {image.name}")
        unnamed = _unnamed(ctx)
        _announce(ctx, *unnamed)
        for wanted, packed in unnamed.items():
            ctx.host.run(*CTR, "images", "tag", "--force", packed, wanted)
            ctx.host.run(*CTR, "images", "label", wanted, PINNED)
            ctx.say(f"tagged {packed} as {wanted}")


def refuse_other_tags(ctx: Context, wanted: Iterable[str]) -> None:
    """Raises PreflightError with each image that the package has with another tag only. One that containerd
    has is no problem, and `--ignore-preflight-errors ImagePull` tells that it can be pulled."""
    others = compare(wanted, packed_names(ctx)).others
    there = present(ctx) if others else {}
    missing = {name: same for name, same in others.items() if name not in there}
    errors, warnings = judged(run_checks((TAGS,), missing), ctx.config)
    if errors:
        raise failure(errors)
    for finding in warnings:
        ctx.warn(warning_line(finding))


def _announce(ctx: Context, *names: str) -> None:
    """Write down at once what containerd has under these names, before it gets other images."""
    there = present(ctx) if names else {}
    events = [(EVENT, {"image": name, "before": there.get(name, ("", False))[0]}) for name in names]
    if events:
        ctx.journal.add_all(events)


def _missing(ctx: Context) -> Iterator[tuple[ImageEntry, PackedFile]]:
    there = present(ctx)
    for image, file in ctx.package.images() if ctx.package else ():
        digest, pinned = there.get(image.name, ("", False))
        if digest != image.digest or not pinned:
            yield image, file


def _unnamed(ctx: Context) -> dict[str, str]:
    """The further names that are not there yet, or not pinned. An image of the user's own that has such a
    name stays as it is."""
    digests = {image.name: image.digest for image, _ in ctx.package.images()} if ctx.package else {}
    there = present(ctx)
    as_wanted = {name: digests[packed] for name, packed in aliases(ctx).items()}
    todo = {name for name, digest in as_wanted.items() if there.get(name, (digest, False)) == (digest, False)}
    return {name: packed for name, packed in aliases(ctx).items() if name in todo}


def present(ctx: Context) -> dict[str, tuple[str, bool]]:
    """Name → digest and whether it is pinned, of every image that containerd has."""
    return hosts_images.present(ctx.host)
