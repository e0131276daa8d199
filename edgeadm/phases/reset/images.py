"""Removal of edgeadm's images from the host's own containerd."""

from __future__ import annotations

from dataclasses import dataclass

from edgeadm.core.phase import Context, Phase, Verdict
from edgeadm.hosts.images import CTR, PIN
from edgeadm.node import ownership
from edgeadm.phases.images import EVENT, present


@dataclass(frozen=True)
class RemoveImages(Phase):
    """Removes edgeadm's images from the host's own containerd; images that existed before lose the pin and
    are kept. edgeadm's own containerd is removed with all its images."""

    name: str = "images"
    summary: str = "remove the imported images from the host's own containerd"

    def check(self, ctx: Context) -> Verdict:
        if ownership.owns_runtime(ctx):
            return Verdict(needed=False, reason="removed together with edgeadm's containerd")
        names = _imported(ctx)
        if not names:
            return Verdict(needed=False, reason="none of edgeadm's images is left")
        return Verdict(needed=True, reason=f"to remove or unpin: {', '.join(names)}")

    def apply(self, ctx: Context) -> None:
        for name, was_there in _imported(ctx).items():
            if was_there:
                ctx.host.run(*CTR, "images", "label", name, f"{PIN}=")
            else:
                ctx.host.run(*CTR, "images", "rm", "--sync", name, *_nameless(ctx, name))


def _imported(ctx: Context) -> dict[str, bool]:
    """Images that edgeadm imported or pinned and that are there → whether they were there before."""
    there = present(ctx)
    noted: dict[str, bool] = {}
    for record in ctx.journal.records():
        if record.event == EVENT:
            noted.setdefault(str(record.detail["image"]), bool(record.detail["before"]))
    return {
        name: was_there
        for name, was_there in noted.items()
        if name in there and (not was_there or there[name][1])
    }


def _nameless(ctx: Context, name: str) -> list[str]:
    """The references by digest that containerd made beside the name, where no other name has the digest."""
    there = present(ctx)
    digest = there[name][0]
    same = [each for each, (its, _) in there.items() if its == digest and each != name]
    return same if all(each.startswith("sha256:") for each in same) else []
