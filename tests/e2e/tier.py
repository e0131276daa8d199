"""The extent of this run: the Makefile sets the tier in the environment."""

from __future__ import annotations

import os

# Power cycles of an offline edge node, half of them power cuts: ten in `make e2e-all`.
POWER_CYCLES = int(os.environ.get("E2E_POWER_CYCLES", "4"))
# The root image of the nodes that the smoke tier begins with, bare (`debian-13` …); empty: the usual one.
IMAGE = os.environ.get("E2E_IMAGE", "")
