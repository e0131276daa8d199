"""How the documentation is built. Tables that repeat the code are written by `_ext/generated.py`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import edgeadm  # noqa: E402

project = "edgeadm"
author = "the edgeadm authors"
copyright = author
release = version = edgeadm.__version__
extensions = ["myst_parser", "generated"]
html_theme = "furo"
html_title = f"edgeadm {release}"
exclude_patterns = ["_build", "reference/generated"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
