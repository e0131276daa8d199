"""Checks that a machine can join the cluster: it reaches the cluster, and is not in another one."""

from __future__ import annotations

from collections.abc import Iterable

from edgeadm.checks.engine import Check, Outcome, failed, warning
from edgeadm.fleet.crowd import Placed, addresses, interfaces

GROUP = "cluster"
# Container runtimes of hosts that never were nodes write here, too; the check LeftoverNetwork warns of it.
HARMLESS = ("/etc/cni/net.d",)


def _server(placed: Placed) -> Iterable[Outcome]:
    if placed.facts.reaches.get(placed.around.endpoint) is False:
        yield failed(f"the machine cannot connect to the API server at {placed.around.endpoint}")


def _tunnel(placed: Placed) -> Iterable[Outcome]:
    asked = [place for place in placed.around.tunnel if place in placed.facts.reaches]
    if placed.is_edge and asked and not any(placed.facts.reaches[place] for place in asked):
        yield warning(f"the machine cannot connect to the tunnel at {', '.join(asked)}")


def _other_cluster(placed: Placed) -> Iterable[Outcome]:
    membership = placed.facts.membership
    if membership is not None and placed.around.ca and membership.ca and not placed.is_ours:
        state = "is" if membership.active else "was"
        server = f" at {membership.server}" if membership.server else ""
        result = warning if placed.machine.reinstall else failed
        yield result(f"the machine {state} a node of another cluster{server}")


def _renamed(placed: Placed) -> Iterable[Outcome]:
    membership = placed.facts.membership
    if placed.is_ours and membership and membership.node and not placed.may_replace:
        if membership.node != placed.machine.name:
            yield failed(f"the machine is the Node {membership.node} of this cluster")
        elif membership.role and membership.role != placed.machine.role:
            yield failed(f"the machine is a Node with the role {membership.role}")


def _remains(placed: Placed) -> Iterable[Outcome]:
    facts = placed.facts
    known = facts.membership is not None or facts.running or placed.machine.reinstall
    left = [each for each in facts.remains if each not in HARMLESS]
    if left and not known:
        shown = ", ".join(left[:5]) + (" …" if len(left) > 5 else "")
        yield failed(f"an earlier cluster left {shown}")


def _address(placed: Placed) -> Iterable[Outcome]:
    """Only IP addresses are compared: a name may lead to any address."""
    own = {str(each) for each in addresses(placed.facts)}
    address = placed.machine.address.strip("[]")
    is_ip = ":" in address or address.replace(".", "").isdecimal()
    if not own or not is_ip or address in own or address.startswith("127.") or address == "::1":
        return
    text = f"no interface of the machine has the address {address}, by which it is reached"
    given = {"nodeIp", "apiserverAdvertiseAddress"} & placed.machine.settings.keys()
    if placed.is_edge:
        yield warning(text, "nothing has to be done if the machine is behind NAT")
    elif not given:
        yield failed(text)


def _own(placed: Placed) -> Iterable[Outcome]:
    own = placed.around.own_machine_id
    if own and own == placed.facts.machine_id:
        if placed.machine.reinstall:
            yield failed("the machine to reset is the host that runs edgeadm")
        else:
            yield warning("the machine is the host that runs edgeadm")


def _ranges(placed: Placed) -> Iterable[Outcome]:
    if placed.is_ours:
        return
    wanted = {"Pods": placed.around.pod_ranges, "Services": placed.around.service_ranges}
    for link, found in interfaces(placed.facts):
        for kind, networks in wanted.items():
            for network in networks:
                if found.ip in network:
                    yield failed(f"address {found.ip} of {link} is in the range of {kind}, {network}")
                elif found.network.version == network.version and found.network.overlaps(network):
                    yield warning(
                        f"network {found.network} of {link} overlaps the range of {kind}, {network}"
                    )


CLUSTER_CHECKS = (
    Check(
        "APIServerUnreachable",
        GROUP,
        "the machine reaches the API server",
        _server,
        "check routes and firewalls between the machine and the control planes; machines use the address in "
        "`cluster.endpoint`",
    ),
    Check(
        "TunnelUnreachable",
        GROUP,
        "an edge machine reaches the tunnel",
        _tunnel,
        "open the tunnel's NodePort for the site: `kubectl logs` and `kubectl exec` use the tunnel",
    ),
    Check(
        "OtherCluster",
        GROUP,
        "the machine is not a node of another cluster",
        _other_cluster,
        "correct the address, or reinstall the machine with `edgeadm nodes reinstall` if it may leave that "
        "cluster",
    ),
    Check(
        "NodeDiffers",
        GROUP,
        "a machine of this cluster has the name and the role of the document",
        _renamed,
        "correct the document, or set `reinstall: true` for this machine",
    ),
    Check(
        "ClusterRemains",
        GROUP,
        "no earlier cluster left files",
        _remains,
        "run `edgeadm nodes reset`, or set `reinstall: true` for this machine",
    ),
    Check(
        "AddressElsewhere",
        GROUP,
        "the machine has the address of the document",
        _address,
        "set `nodeIp` in the machine's `settings` to the address that other nodes reach",
    ),
    Check(
        "OwnHost",
        GROUP,
        "the machine is not the host that runs edgeadm",
        _own,
        "check that this host shall be a node of the cluster",
    ),
    Check(
        "RangeOverlap",
        GROUP,
        "the ranges of Pods and Services contain no network of the machine",
        _ranges,
        "choose a range that no site uses, or assign another network to the site",
    ),
)
