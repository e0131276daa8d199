"""NodeFleets: precedence, ranges, names, credentials, and the paths of faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeadm.config.errors import UnknownKeyError
from edgeadm.errors import ConfigError
from edgeadm.fleet.documents import Options, load_fleet
from edgeadm.fleet.documents.errors import CredentialError
from edgeadm.fleet.model import Fleet, Limit, Role
from edgeadm.hosts.ssh.target import Sudo, Trust

HEAD = "apiVersion: edgeadm.io/v1alpha1\nkind: NodeFleet\nmetadata: {name: shops}\nspec:\n"


class Folder:
    """A directory with a document."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fleet(self, spec: str, **options: Any) -> Fleet:
        file = self.path / "fleet.yaml"
        file.write_text(HEAD + spec)
        given = {"environ": {"HOME": str(self.path), "PASSWORD": "secret-1"}, **options}
        return load_fleet(str(file), Options(**given))

    def faults(self, spec: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.fleet(spec)
        return (caught.value.context or caught.value.message).splitlines()

    def secret(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.path / name
        path.write_text(text)
        path.chmod(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_innermost_value_wins_and_mappings_are_merged(folder: Folder) -> None:
    fleet = folder.fleet("""
  defaults:
    role: worker
    labels: {level: defaults, chain: acme}
    taints: ["a=1:NoSchedule"]
    settings: {liteApiserverPort: 51004, ignorePreflightErrors: [Swap]}
    ssh: {user: admin, port: 2222}
  groups:
  - {name: tills, role: edge, labels: {level: group, group: tills}, ssh: {user: till}}
  - {name: late, labels: {group: late}}
  sites:
  - name: north
    labels: {level: site}
    taints: ["a=2:NoSchedule", "b:NoExecute"]
    ssh: {sudo: never}
    machines:
    - address: 10.0.0.1
      name: one
      groups: [tills, late]
      labels: {level: machine}
      settings: {nodeIp: 10.0.0.1}
    - {address: 10.0.0.2, name: two, ssh: {port: 22}}
""")
    one, two = fleet.machines
    assert one.labels == {"level": "machine", "chain": "acme", "group": "late"}
    assert two.labels == {"level": "site", "chain": "acme"}
    assert (one.role, two.role) == (Role.EDGE, Role.WORKER)
    assert one.taints == ("a=2:NoSchedule", "b:NoExecute")
    assert one.settings == {
        "liteApiserverPort": 51004,
        "ignorePreflightErrors": ["Swap"],
        "nodeIp": "10.0.0.1",
    }
    assert (one.target.login.user, one.target.port, one.target.login.sudo) == ("till", 2222, Sudo.NEVER)
    assert (two.target.login.user, two.target.port, two.site) == ("admin", 22, "north")


def test_ranges_networks_and_patterns(folder: Folder) -> None:
    fleet = folder.fleet("""
  defaults: {names: "edge-{n:03}"}
  sites:
  - name: ship
    names: "{site}-{n}"
    machines: [10.9.0.2-10.9.0.4, "10.9.1.0/30", "2001:db8::10-2001:db8::11"]
  machines: [10.8.0.1, {address: 10.8.0.2, names: "x-{address}"}, shop.example, 10.8.0.3]
""")
    assert [(each.name, each.address) for each in fleet.machines] == [
        ("ship-1", "10.9.0.2"),
        ("ship-2", "10.9.0.3"),
        ("ship-3", "10.9.0.4"),
        ("ship-4", "10.9.1.1"),
        ("ship-5", "10.9.1.2"),
        ("ship-6", "2001:db8::10"),
        ("ship-7", "2001:db8::11"),
        ("edge-001", "10.8.0.1"),
        ("x-10-8-0-2", "10.8.0.2"),
        ("edge-002", "shop.example"),
        ("edge-003", "10.8.0.3"),
    ]


def test_names_without_a_pattern_and_ids_are_stable(folder: Folder) -> None:
    fleet = folder.fleet(
        "  machines: [10.0.0.1, till-3.shop.example, {address: 10.0.0.2, names: 'a-{id}'}]\n"
    )
    other = folder.fleet("  machines: [{address: 10.0.0.2, names: 'a-{id}'}]\n")
    assert [each.name for each in fleet.machines][:2] == ["node-10-0-0-1", "till-3.shop.example"]
    assert fleet.machines[2].name == other.machines[0].name


def test_jump_hosts_have_the_login_of_the_defaults(folder: Folder) -> None:
    folder.secret("key", "k")
    fleet = folder.fleet("""
  defaults: {ssh: {user: root, port: 2222, key: key}, via: [jump@198.51.100.20:443]}
  machines:
  - 10.0.0.1
  - {address: 10.0.0.2, via: []}
  - address: 10.0.0.3
    via: [a.example, {address: b.example, ssh: {user: second, port: 22}}]
    ssh: {user: me}
""")
    one, two, three = (each.target for each in fleet.machines)
    assert [each.place for each in one.jumps] == ["jump@198.51.100.20:443"]
    assert one.jumps[0].login.key_files == (folder.path / "key",)
    assert two.jumps == ()
    assert [each.place for each in three.jumps] == ["root@a.example", "second@b.example"]


def test_credentials_by_reference(folder: Folder) -> None:
    folder.secret("sudo", "from a file\n")
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return "typed"

    fleet = folder.fleet(
        """
  defaults: {ssh: {password: {env: PASSWORD}, sudoPassword: {file: sudo}, passphrase: {prompt: Passphrase}}}
  machines: [10.0.0.1, {address: 10.0.0.2, ssh: {user: admin, agent: false}}]
""",
        ask=ask,
    )
    login = fleet.machines[1].target.login
    assert (str(login.password), str(login.sudo_password), str(login.passphrase)) == (
        "secret-1",
        "from a file",
        "typed",
    )
    assert (asked, login.agent, login.elevates) == (["Passphrase"], False, True)
    assert "secret-1" not in repr(fleet)


@pytest.mark.parametrize(
    ("ssh", "words"),
    [
        ("{password: {env: UNSET}}", "UNSET is not set"),
        ("{password: {file: open}}", "has mode 0644"),
        ("{key: open}", "has mode 0644"),
        ("{key: missing}", "cannot read the private key"),
        ("{password: {file: empty}}", "is empty"),
        ("{password: {prompt: Password}}", "there is no terminal"),
    ],
)
def test_a_credential_that_cannot_be_read_is_an_error(folder: Folder, ssh: str, words: str) -> None:
    folder.secret("open", "x", 0o644)
    folder.secret("empty", "\n")
    with pytest.raises(CredentialError, match=words):
        folder.fleet(f"  defaults: {{ssh: {ssh}}}\n  machines: [10.0.0.1]\n")


def test_host_keys(folder: Folder) -> None:
    pin = "SHA256:" + "a" * 43
    fleet = folder.fleet(f"""
  defaults: {{ssh: {{hostKeyPolicy: accept-new, knownHosts: [hosts]}}}}
  machines: [10.0.0.1, {{address: 10.0.0.2, ssh: {{hostKeys: ["{pin}"], hostKeyPolicy: strict}}}}]
""")
    one, two = (each.target.host_keys for each in fleet.machines)
    assert (one.trust, one.files, one.pinned) == (Trust.ACCEPT_NEW, (folder.path / "hosts",), ())
    assert (two.trust, two.pinned) == (Trust.STRICT, (pin,))
    assert one.learned == folder.path / ".local/state/edgeadm/known_hosts"


def test_limits_sites_packages_and_the_cluster(folder: Folder) -> None:
    fleet = folder.fleet("""
  cluster: {endpoint: "203.0.113.7:6443", kubeconfig: ~/config}
  packages: {amd64: a.tar.zst, arm64: "https://files.example/b.tar.zst"}
  limits: {concurrency: 8, maxFailures: 10%, maxUnreachable: 3, attempts: 1, readyTimeout: 90s}
  sites: [{name: a, shares: false, bandwidth: 10Mbit}, {name: b}]
""")
    assert (fleet.cluster.endpoint, fleet.cluster.kubeconfig) == ("203.0.113.7:6443", f"{folder.path}/config")
    assert fleet.packages == {"amd64": f"{folder.path}/a.tar.zst", "arm64": "https://files.example/b.tar.zst"}
    limits = fleet.limits
    assert (limits.concurrency, limits.attempts, limits.ready) == (8, 1, 90.0)
    assert (limits.max_failures, limits.max_unreachable) == (Limit(percent=10), Limit(number=3))
    assert [(each.shares, each.bandwidth) for each in fleet.sites.values()] == [(False, 1250000), (True, 0)]


def test_all_faults_are_named_with_their_paths(folder: Folder) -> None:
    assert folder.faults("""
  sites:
  - name: a
    machines: [{adress: 10.0.0.1}, {address: 10.0.0.2, ssh: {port: "22"}}]
  defaults: {labels: {x: [1]}, role: egde}
""") == [
        "spec.sites[0].machines[0].adress: unknown key, did you mean address?",
        "spec.sites[0].machines[0].address: is required",
        "spec.sites[0].machines[1].ssh.port: expects a whole number, not a string",
        "spec.defaults.labels.x: expects a string, not a list",
        "spec.defaults.role: `egde` is not one of control-plane, worker, edge",
    ]


def test_an_unknown_group_and_a_duplicate_are_named(folder: Folder) -> None:
    assert folder.faults("  machines: [{address: 10.0.0.1, groups: [a]}]\n") == [
        "spec.machines[0].groups: there is no group `a` in spec.groups"
    ]
    assert folder.faults("  machines: [10.0.0.1, {address: 10.0.0.1, name: b}]\n") == [
        "addresses: 10.0.0.1 is the address of `node-10-0-0-1` and `b`"
    ]


def test_equal_addresses_behind_different_jump_hosts_are_two_machines(folder: Folder) -> None:
    fleet = folder.fleet("""
  sites:
  - {name: a, via: [a.example], names: "{site}-{n}", machines: [192.168.1.10]}
  - {name: b, via: [b.example], names: "{site}-{n}", machines: [192.168.1.10]}
""")
    assert [each.name for each in fleet.machines] == ["a-1", "b-1"]


def test_an_unknown_key_alone_has_its_own_class(folder: Folder) -> None:
    with pytest.raises(UnknownKeyError, match="did you mean machines"):
        folder.fleet("  machine: []\n")


def test_variables_keep_types_and_are_never_parsed(folder: Folder) -> None:
    environ = {"HOME": "/", "PORT": "2222", "NAME": "north", "EVIL": "x}, machines: [10.0.0.9]"}
    text = "  sites:\n  - name: ${NAME}\n    machines: [10.0.0.1]\n    ssh:\n      port: ${PORT}\n"
    fleet = folder.fleet(text, environ=environ)
    assert (fleet.machines[0].site, fleet.machines[0].target.port) == ("north", 2222)
    with pytest.raises(ConfigError, match="is not a lower-case DNS name"):
        folder.fleet("  sites: [{name: '${EVIL}'}]\n", environ=environ)
    escaped = folder.fleet("  defaults: {ssh: {password: {env: PASSWORD}}}\n  machines: []\n  # $${X}\n")
    assert escaped.machines == ()


def test_several_documents_are_one_fleet(folder: Folder) -> None:
    more = HEAD.replace("shops", "ships") + "  machines: [10.0.0.2]\n  packages: {arm64: /b}\n"
    fleet = folder.fleet("  machines: [10.0.0.1]\n  packages: {amd64: /a}\n---\n" + more)
    assert (fleet.name, len(fleet.machines), fleet.packages) == ("shops", 2, {"amd64": "/a", "arm64": "/b"})
    wrong = folder.faults("  machines: [10.0.0.1]\n---\n" + more.replace("machines:", "machine:"))
    assert wrong == ["document 2: spec.machine: unknown key, did you mean machines?"]
