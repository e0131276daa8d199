"""The Kubernetes version of the end-to-end tests, and its images: `make e2e KUBERNETES=v1.36.3` sets another
one in the environment variable EDGEADM_KUBERNETES. No other part of these tests contains a version."""

from __future__ import annotations

import os
import re

from edgeadm.package.builder import default_kubernetes, load_recipe

RECIPE = load_recipe(os.environ.get("EDGEADM_KUBERNETES") or default_kubernetes())
KUBERNETES = RECIPE.kubernetes
IMAGES = {each.name.rpartition(":")[0]: each.name for each in RECIPE.images}


def tagged(text: str) -> str:
    """The manifest with each image of the package under the tag that this version gives it."""

    def tag(found: re.Match[str]) -> str:
        return found[1] + IMAGES.get(found[2], found[0].removeprefix(found[1]))

    return re.sub(r"(?m)(\bimage: )([\w./-]+)(?::[\w.-]+)?$", tag, text)


COREDNS = IMAGES["registry.k8s.io/coredns/coredns"]
