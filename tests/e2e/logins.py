"""Logins of nodes by password, as machines have that a document describes."""

from __future__ import annotations

from edgeadm.sandbox import Node

FILE = "/etc/ssh/sshd_config.d/10-password.conf"


def allow_password(node: Node, password: str) -> None:
    """Root may log in to the node by SSH with this password."""
    node.exec(["chpasswd"], stdin=f"root:{password}\n".encode())
    node.write(FILE, "PasswordAuthentication yes\nPermitRootLogin yes\n")
    node.exec(["systemctl", "restart", "ssh"])
