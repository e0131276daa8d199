"""The client certificate that an API server which is not a static Pod shows to the tunnel."""

from __future__ import annotations

from edgeadm import pki
from edgeadm.apps.egress_files import FOLDER
from edgeadm.apps.serving_certificates import authority
from edgeadm.core.phase import Context

CLIENT = "tunnel-anp-client"
LEAF = pki.Leaf("ingress-client", server=False, client=True)
CERTIFICATE, KEY = f"{FOLDER}/{CLIENT}.crt", f"{FOLDER}/{CLIENT}.key"
TRUST = f"{FOLDER}/ca.crt"


def standing(ctx: Context) -> pki.Standing:
    """How the certificate stands that the API server shows to the tunnel."""
    certificate, key = (ctx.host.read(path) or b"" for path in (CERTIFICATE, KEY))
    return pki.stands(certificate, key, authority(ctx), LEAF)
