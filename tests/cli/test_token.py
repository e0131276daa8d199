"""`edgeadm token` from its command line to the Secrets in the cluster."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from edgeadm.cluster.fake import FakeCluster
from edgeadm.errors import UnreachableError
from edgeadm.kubeadm import tokens
from edgeadm.pki import discovery_hash
from tests.certificates import authority
from tests.cli.world import Ended, edgeadm
from tests.machine import Machine
from tests.traces import KUBECONFIG

TOKEN = "abcdef.0123456789abcdef"
KEY = "1" * 64
HASH = discovery_hash(authority()[0])
JOIN = f"edgeadm join 10.0.0.11:6443 --token {TOKEN} --discovery-token-ca-cert-hash {HASH}"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    found.host.files |= {
        "/etc/kubernetes/admin.conf": KUBECONFIG,
        "/etc/kubernetes/pki/ca.crt": authority()[0],
    }
    return found


def token(machine: Machine, *args: str) -> Ended:
    ended = edgeadm(machine, "token", *args)
    assert ended.status == 0, ended.err
    return ended


def secret(machine: Machine, token_id: str = "abcdef") -> dict[str, str]:
    found = machine.cluster.objects[("v1", "Secret", "kube-system", f"bootstrap-token-{token_id}")]
    assert found["type"] == "bootstrap.kubernetes.io/token"
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def test_create_writes_the_secret_that_kubeadm_would(machine: Machine) -> None:
    assert token(machine, "create", TOKEN, "--description", "for the site").out == f"{TOKEN}\n"
    fields = secret(machine)
    expires = fields.pop("expiration")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", expires)
    assert fields == {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "description": "for the site",
        "usage-bootstrap-signing": "true",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
    }


def test_create_makes_a_token_of_its_own_and_one_that_never_expires(machine: Machine) -> None:
    made = token(machine, "create", "--ttl", "0", "--usages", "signing").out.strip()
    fields = secret(machine, made.partition(".")[0])
    assert "expiration" not in fields
    assert "auth-extra-groups" not in fields
    assert "usage-bootstrap-authentication" not in fields


@pytest.mark.parametrize(
    ("more", "added"),
    [
        ([], ""),
        (["--certificate-key", KEY], f" --control-plane --certificate-key {KEY}"),
        (["--install-pkg-path=/opt/p.tar.zst"], " --install-pkg-path /opt/p.tar.zst"),
        (["--install-pkg-path"], " --install-pkg-path '<Path of package>'"),
    ],
)
def test_the_join_command_is_one_line(machine: Machine, more: list[str], added: str) -> None:
    assert token(machine, "create", TOKEN, "--print-join-command", *more).out == f"{JOIN}{added}\n"


def test_the_join_command_names_the_address_that_the_cluster_announces(machine: Machine) -> None:
    announced = KUBECONFIG.decode().replace("10.0.0.11:6443", "[fd00::1]:8443")
    machine.cluster.objects[("v1", "ConfigMap", "kube-public", "cluster-info")] = {
        "data": {"kubeconfig": announced}
    }
    made = json.loads(token(machine, "create", TOKEN, "--print-join-command", "-o", "json").out)
    assert made["joinCommand"].startswith("edgeadm join '[fd00::1]:8443' --token ")
    assert made["token"] == TOKEN


def test_list_has_kubeadms_columns(machine: Machine) -> None:
    token(machine, "create", TOKEN, "--ttl", "25h")
    token(machine, "create", "aaaaaa.0123456789abcdef", "--ttl", "0", "--description", "for ever")
    machine.cluster.objects[("v1", "Secret", "kube-system", "bootstrap-token-broken")] = {
        "type": tokens.TYPE,
        "data": {},
    }
    heads, *rows = token(machine, "list").out.splitlines()
    assert re.split(r" {3,}", heads) == ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"]
    assert re.split(r" {3,}", rows[0])[:5] == [
        "aaaaaa.0123456789abcdef",
        "<forever>",
        "<never>",
        "authentication,signing",
        "for ever",
    ]
    columns = re.split(r" {3,}", rows[1])
    assert (columns[0], columns[1], columns[4]) == (TOKEN, "1d", "<none>")
    assert [each["token"] for each in json.loads(token(machine, "list", "-o", "json").out)] == [
        "aaaaaa.0123456789abcdef",
        TOKEN,
    ]


def test_delete_takes_tokens_and_ids_and_all_or_none(machine: Machine) -> None:
    for made in (TOKEN, "aaaaaa.0123456789abcdef", "bbbbbb.0123456789abcdef"):
        token(machine, "create", made)
    refused = edgeadm(machine, "token", "delete", "aaaaaa", "zzzzzz")
    assert (refused.status, "[no-such-token]" in refused.err) == (1, True)
    assert len(tokens.every(machine.cluster)) == 3
    assert token(machine, "delete", "aaaaaa", TOKEN).out.splitlines() == [
        'bootstrap token "aaaaaa" deleted',
        'bootstrap token "abcdef" deleted',
    ]
    assert json.loads(token(machine, "delete", "bbbbbb", "-o", "json").out)["deleted"] == ["bbbbbb"]
    assert tokens.every(machine.cluster) == []


def test_a_dry_run_changes_nothing(machine: Machine) -> None:
    token(machine, "create", TOKEN)
    made = edgeadm(machine, "token", "create", "--dry-run")
    assert "would apply Secret/" in made.err
    assert "would be deleted" in token(machine, "delete", TOKEN, "--dry-run").out
    assert len(tokens.every(machine.cluster)) == 1


def test_generate_asks_no_cluster(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert tokens.TOKEN.fullmatch(token(machine, "generate").out.strip())
    assert tokens.TOKEN.fullmatch(json.loads(token(machine, "generate", "-o", "json").out)["token"])


def test_the_kubeconfig_is_the_one_named_then_the_variables_then_the_nodes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = base64.b64encode(authority()[0]).decode()
    other = KUBECONFIG.replace(b"10.0.0.11", b"10.0.0.99").replace(
        b"certificate-authority: pki/ca.crt", f"certificate-authority-data: {ca}".encode()
    )
    machine.host.files["/srv/other.conf"] = other
    words = ["create", "--print-join-command"]
    assert "join 10.0.0.99:6443" in token(machine, *words, "--kubeconfig", "/srv/other.conf").out
    monkeypatch.setenv("KUBECONFIG", "/no/such/file:/srv/other.conf")
    assert "join 10.0.0.99:6443" in token(machine, *words).out
    monkeypatch.setenv("KUBECONFIG", "/etc/kubernetes/admin.conf")
    assert "join 10.0.0.11:6443" in token(machine, *words).out


BAD: list[tuple[str, list[str], str, int]] = [
    ("an unknown flag", ["create", "--no-such-flag"], "usage", 1),
    ("an unknown verb", ["make"], "usage", 1),
    ("a token of the wrong form", ["create", "secret"], "token-form", 3),
    ("a token with capitals", ["create", "ABCDEF.0123456789abcdef"], "token-form", 3),
    ("a token that is there already", ["create", TOKEN], "token-exists", 1),
    ("a life that is no duration", ["create", "--ttl", "a day"], "invalid-config", 3),
    ("a life without a unit", ["create", "--ttl", "24"], "invalid-config", 3),
    ("a life below nothing", ["create", "--ttl", "-1h"], "invalid-config", 3),
    ("a usage that is none", ["create", "--usages", "joining"], "invalid-config", 3),
    ("a group of somebody else", ["create", "--groups", "system:masters"], "invalid-config", 3),
    (
        "groups without authentication",
        ["create", "--usages", "signing", "--groups", "system:bootstrappers:a"],
        "invalid-config",
        3,
    ),
    ("a certificate key alone", ["create", "--certificate-key", KEY], "usage", 1),
    ("a package path alone", ["create", "--install-pkg-path", "/p"], "usage", 1),
    (
        "a certificate key that is too short",
        ["create", "--print-join-command", "--certificate-key", "abc"],
        "invalid-config",
        3,
    ),
    ("nothing to delete", ["delete"], "usage", 1),
    ("an ID that nobody has", ["delete", "zzzzzz"], "no-such-token", 1),
    ("a word that is no ID", ["delete", "too-long-for-an-id"], "token-form", 3),
    ("an output that does not exist", ["list", "-o", "xml"], "usage", 1),
    ("a kubeconfig that does not exist", ["list", "--kubeconfig", "/no/such/file"], "kubeconfig", 3),
    ("a kubeconfig that is none", ["list", "--kubeconfig", "/etc/containerd.txt"], "kubeconfig", 3),
    (
        "a CA that is none",
        ["create", "--print-join-command", "--kubeconfig", "/bad-ca"],
        "bad-certificate",
        4,
    ),
    ("no CA at all", ["create", "--print-join-command", "--kubeconfig", "/no-ca"], "kubeconfig", 3),
]


@pytest.mark.parametrize(("name", "args", "code", "status"), BAD, ids=[case[0] for case in BAD])
def test_bad_input(name: str, args: list[str], code: str, status: int, machine: Machine) -> None:
    token(machine, "create", TOKEN)
    machine.host.files |= {
        "/etc/containerd.txt": b"a: [",
        "/bad-ca": KUBECONFIG.replace(b"pki/ca.crt", b"/bad-ca"),
        "/no-ca": KUBECONFIG.replace(b", certificate-authority: pki/ca.crt", b""),
    }
    before = json.dumps(tokens_there(machine))
    ended = edgeadm(machine, "token", *args)
    assert (ended.status, f"[{code}]" in ended.err) == (status, True), ended.err
    assert "hint: " in ended.err
    assert "secret" not in ended.err, "what was given may be half a token"
    assert json.dumps(tokens_there(machine)) == before


def tokens_there(machine: Machine) -> list[str]:
    return [each.token for each in tokens.every(machine.cluster)]


def test_without_a_kubeconfig_it_says_where_one_is(tmp_path: Path) -> None:
    ended = edgeadm(Machine(tmp_path), "token", "list", "-o", "json")
    error = json.loads(ended.out)["error"]
    assert (error["code"], error["exitCode"]) == ("kubeconfig", 3)
    assert "/etc/kubernetes/admin.conf" in error["hint"]


def test_an_api_that_does_not_answer_is_status_5(machine: Machine) -> None:
    class Silent(FakeCluster):
        def list_objects(self, api: str, kind: str, namespace: str = "", selector: str = "") -> list[object]:  # type: ignore[override]
            raise UnreachableError("the API server at 10.0.0.11 does not respond", hint="is it running?")

    machine.cluster = Silent()
    ended = edgeadm(machine, "token", "list")
    assert (ended.status, "[unreachable]" in ended.err) == (5, True)
