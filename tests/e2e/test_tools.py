"""keepalived, haproxy and vip-members from a package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeadm.assets import cache_root
from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.package.builder.relocated import Relocated, relocated
from edgeadm.package.machine import this_arch
from edgeadm.package.manifest import TOOLS_ON_NODE
from tests.e2e.release import RECIPE

pytestmark = pytest.mark.e2e

KEEPALIVED = """vrrp_instance one {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    unicast_src_ip 127.0.0.1
    unicast_peer {
        include /etc/peers.conf
    }
    virtual_ipaddress {
        192.0.2.100/32 dev eth0
    }
}
"""
HAPROXY = """defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend one
    bind 127.0.0.1:6443
    default_backend apiservers
"""
SERVERS = "backend apiservers\n    server cp1 192.0.2.11:6444\n"


@pytest.fixture(scope="module")
def tools() -> Relocated:
    wanted = next(each for each in RECIPE.tools if not each.set)
    return relocated(wanted, this_arch(), cache_root())


@pytest.fixture
def cage(tools: Relocated, tmp_path: Path) -> Path:
    """A root with the tree where it lies on a node, a folder for configuration, and nothing else."""
    shutil.copytree(tools.files, tmp_path / TOOLS_ON_NODE.lstrip("/") / tools.tools.folder)
    (tmp_path / "etc").mkdir()
    return tmp_path


def run(cage: Path, name: str, *words: str) -> Result:
    """In a network of its own with one interface: keepalived asks for the one that it is given."""
    caged = 'ip link add eth0 type veth peer name other && exec chroot "$@"'
    program = f"{TOOLS_ON_NODE}/vip/{name}"
    return execute(["unshare", "--net", "sh", "-c", caged, "sh", str(cage), program, *words])


@pytest.mark.parametrize(
    ("peers", "code"), [("127.0.0.1\n", 0), ("192.0.2.12\n192.0.2.13\n", 0), ("192.0.2.x\n", 5), ("", 5)]
)
def test_keepalived_checks_its_configuration_where_nothing_else_is(cage: Path, peers: str, code: int) -> None:
    (cage / "etc/keepalived.conf").write_text(KEEPALIVED)
    (cage / "etc/peers.conf").write_text(peers)
    done = run(cage, "keepalived", "-t", "-f", "/etc/keepalived.conf")
    assert done.code == code, done.err


@pytest.mark.parametrize(
    ("servers", "code"), [(SERVERS, 0), (SERVERS.replace("server", "srver"), 1), ("", 1)]
)
def test_haproxy_checks_its_configuration_where_nothing_else_is(cage: Path, servers: str, code: int) -> None:
    (cage / "etc/haproxy.cfg").write_text(HAPROXY)
    (cage / "etc/servers.cfg").write_text(servers)
    done = run(cage, "haproxy", "-c", "-f", "/etc/haproxy.cfg", "-f", "/etc/servers.cfg")
    assert done.code == code, done.err


def test_two_builds_are_the_same_bytes(tools: Relocated, tmp_path: Path) -> None:
    again = relocated(tools.tools, this_arch(), tmp_path)
    assert again.versions == tools.versions
    one, two = ({path.name: path.read_bytes() for path in each.files.iterdir()} for each in (tools, again))
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
