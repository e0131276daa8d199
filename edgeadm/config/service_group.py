"""The ways in which a ServiceGrid's Service stays within a site."""

from __future__ import annotations

NATIVE = "native"  # kube-proxy prefers the zone of who asks, and goes elsewhere when nothing answers there
STRICT = "strict"  # kube-proxy is shown the site's own endpoints alone
KINDS = (NATIVE, STRICT)
