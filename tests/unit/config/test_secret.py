"""Tokens and keys are Secrets from the moment they are read: a Config can be shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edgeadm.cli.session import secrets_of
from edgeadm.config import load
from edgeadm.config.model import every_setting
from edgeadm.config.secret import Secret
from edgeadm.config.ticket import ticket_of
from edgeadm.kubeadm.documents import render
from edgeadm.kubeadm.join_document import render_join
from edgeadm.kubeadm.model import JoinModel, KubeadmModel
from tests.cli.world import edgeadm
from tests.machine import Machine

NAMES = [name for name, each in every_setting().items() if each.metadata.get("secret")]
TOKEN = "abcdef.0123456789abcdef"
KEY = "ab" * 32
INIT = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: {TOKEN}
certificateKey: {KEY}
"""
JOIN = f"""
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: 10.0.0.11:6443
    token: {TOKEN}
  tlsBootstrapToken: fedcba.fedcba9876543210
controlPlane:
  certificateKey: {KEY}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_flag(name: str) -> None:
    config = load(None, {name: TOKEN})
    assert TOKEN not in repr(config)
    assert secrets_of(config) == {TOKEN}


def test_the_ticket_of_a_token() -> None:
    ticket = ticket_of(load(None, {"token": TOKEN}))
    assert (ticket.token, ticket.bootstrap_token) == (TOKEN, TOKEN)
    assert TOKEN not in repr(ticket)


@pytest.mark.parametrize(
    ("text", "secrets"), [(INIT, {TOKEN, KEY}), (JOIN, {TOKEN, "fedcba.fedcba9876543210", KEY})]
)
def test_documents(text: str, secrets: set[str], tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text(text)
    config = load(str(tmp_path / "edge.yaml"), {})
    assert [each for each in secrets if each in repr(config)] == []
    assert secrets_of(config) == secrets


def test_kubeadm_gets_the_values(tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text(INIT)
    config = load(str(tmp_path / "edge.yaml"), {"token": "bcdefg.0123456789abcdef"})
    model = KubeadmModel("v1.34.4", "unix:///run/x", Secret(TOKEN), config.kubeadm, config.kubeadm_documents)
    assert TOKEN not in repr(model)
    found = yaml.safe_dump_all(render(model, "v1.34.4"))
    assert "token: bcdefg.0123456789abcdef" in found
    assert f"certificateKey: {KEY}" in found
    (tmp_path / "edge.yaml").write_text(JOIN)
    documents = load(str(tmp_path / "edge.yaml"), {}).kubeadm_documents
    join = JoinModel("/etc/edgeadm/bootstrap.conf", "unix:///run/x", Secret(TOKEN), documents=documents)
    assert f"tlsBootstrapToken: {TOKEN}" in yaml.safe_dump(render_join(join, "v1.34.4"))


@pytest.mark.parametrize("output", ["text", "json"])
def test_config_print_shows_none_of_them(output: str, tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text(INIT)
    ended = edgeadm(Machine(tmp_path), "config", "print", f"--config={tmp_path}/edge.yaml", "-o", output)
    assert ended.status == 0, ended.err
    assert TOKEN not in ended.out
    assert KEY not in ended.out
    assert ended.out.count("***") == 2
