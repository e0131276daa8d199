"""The SSH key for root of every node: one per sandbox."""

from __future__ import annotations

from pathlib import Path


def public_key(private: Path) -> str:
    """The line for authorized_keys; creates the key pair if it does not exist."""
    public = private.with_suffix(".pub")
    if not public.exists():
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
        )
        line = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
        public.write_text(f"{line} edgeadm-sandbox\n")  # last: marks the key pair as complete
    return public.read_text()
