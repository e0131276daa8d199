"""The address of the Service `kubernetes` on an edge node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeadm.checks.engine import WRONG, run_checks, with_result
from edgeadm.config import Config, JoinFlags
from edgeadm.core.phase import Context
from edgeadm.core.runner import Run
from edgeadm.errors import EdgeadmError
from edgeadm.hosts import Result
from edgeadm.node.membership import FACTS, ClusterFacts
from edgeadm.node.service_ip import RULES
from edgeadm.node.units import SERVICE_IP_FILE
from edgeadm.phases.reset.containers import StopUnits
from edgeadm.phases.service_ip import ServiceIp
from edgeadm.preflight.subject import Subject
from edgeadm.preflight.supply import SUPPLY_CHECKS
from edgeadm.workflows import JOIN
from tests.machine import Machine
from tests.reports import Recorded

V4 = ClusterFacts("https://10.0.0.11:6443", "", "v1.34.4", "10.96.0.1", "cluster.local", "169.254.20.11")
V6 = replace(V4, service_ip="fd00:96::1", virtual_address="fd00:20::11")


def context(machine: Machine, known: ClusterFacts = V4, port: int = 51003) -> Context:
    machine.host.files[FACTS] = known.text()
    join = JoinFlags(api_server_endpoint="10.0.0.11:6443", lite_apiserver_port=port)
    ctx = machine.context(Config(join=join))
    ctx.journal.verb, ctx.journal.phase = "join", "edge/service-ip"
    return ctx


@pytest.mark.parametrize(
    ("known", "port", "rule"),
    [
        (V4, 51003, "ip daddr 10.96.0.1 tcp dport 443 dnat to 169.254.20.11:51003"),
        (V4, 52003, "ip daddr 10.96.0.1 tcp dport 443 dnat to 169.254.20.11:52003"),
        (V6, 51003, "ip6 daddr fd00:96::1 tcp dport 443 dnat to [fd00:20::11]:51003"),
    ],
)
def test_it_leads_to_this_nodes_lite_apiserver(
    known: ClusterFacts, port: int, rule: str, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, role="edge")
    ctx = context(machine, known, port)
    assert ServiceIp().check(ctx).needed
    ServiceIp().apply(ctx)
    assert machine.host.files[RULES].decode().count(rule) == 2
    assert machine.units["edgeadm-service-ip"] == {"enabled", "active"}
    assert not ServiceIp().check(ctx).needed


def test_a_table_that_somebody_removed_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="edge")
    ctx = context(machine)
    ServiceIp().apply(ctx)
    machine.host.answers["/usr/lib/edgeadm/edge/nft list table"] = Result(code=1)
    verdict = ServiceIp().check(ctx)
    assert (verdict.needed, "was deleted" in verdict.reason) == (True, True)


def test_reset_takes_the_rules_out_of_the_kernel(tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="edge")
    ctx = context(machine)
    ServiceIp().apply(ctx)
    StopUnits().apply(replace(ctx, host=machine.host))
    assert machine.units["edgeadm-service-ip"] == set()


def test_only_edge_nodes_have_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="worker")
    ctx = context(machine)
    ctx = replace(ctx, config=replace(ctx.config, enable_edge=False))
    assert Run(JOIN, ctx, Recorded()).apply(JOIN.select(["edge"])) == 0
    assert SERVICE_IP_FILE not in machine.host.files


def test_without_a_package_the_systems_nft_is_used_and_preflight_wants_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, role="edge")
    machine.package = None
    with pytest.raises(EdgeadmError, match="nft is neither"):
        ServiceIp().apply(context(machine))
    assert missing(machine, "edge") == ["FileExisting-nft"]
    assert missing(machine, "worker") == []
    machine.host.files["/usr/bin/nft"] = b""
    assert missing(machine, "edge") == []
    ServiceIp().apply(context(machine))
    assert b"ExecStart=/usr/sbin/nft -f" in machine.host.files[SERVICE_IP_FILE]


def missing(machine: Machine, role: str) -> list[str]:
    (check,) = (each for each in SUPPLY_CHECKS if each.code == "PacketFilter")
    subject = Subject(machine.host, Config(), "v1.34.4", machine.packed_for(role), role)
    return [each.code for each in with_result(run_checks((check,), subject), *WRONG)]
