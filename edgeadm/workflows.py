"""The phases of each verb, in order."""

from __future__ import annotations

from edgeadm.core.leaves import Inventory
from edgeadm.core.phase import Group
from edgeadm.core.workflow import Workflow
from edgeadm.node.applies import to_edge_nodes, to_new_control_planes
from edgeadm.node.offline_files import OF_A_DRILL
from edgeadm.phases.cni import PodNetwork
from edgeadm.phases.cni_join import JoinPodNetwork
from edgeadm.phases.discover import Discover
from edgeadm.phases.edge_apps.api_server import ApiServer
from edgeadm.phases.edge_apps.application_grid import ApplicationGrid
from edgeadm.phases.edge_apps.approver import Approver
from edgeadm.phases.edge_apps.bootstrap import Bootstrap
from edgeadm.phases.edge_apps.certificates import Certificates
from edgeadm.phases.edge_apps.cloud_only import CloudOnly
from edgeadm.phases.edge_apps.detach import Detach, MayDetach
from edgeadm.phases.edge_apps.edge_dns import EdgeDns
from edgeadm.phases.edge_apps.edge_health import EdgeHealth
from edgeadm.phases.edge_apps.egress_by_hand import RENEWAL, EgressByHand
from edgeadm.phases.edge_apps.first_start import FirstStart
from edgeadm.phases.edge_apps.kube_proxy import KubeProxy
from edgeadm.phases.edge_apps.namespace import EdgeNamespace
from edgeadm.phases.edge_apps.pod_network import EdgePodNetwork
from edgeadm.phases.edge_apps.site_manager import SiteManager
from edgeadm.phases.edge_apps.tunnel import Tunnel
from edgeadm.phases.edge_certificate import EdgeCertificate
from edgeadm.phases.edge_memory import EdgeMemory
from edgeadm.phases.edge_nic import EdgeNic
from edgeadm.phases.fleet.controller import ClusterDefinitions, FleetController, FleetDefinitions
from edgeadm.phases.fleet.image import FleetImage
from edgeadm.phases.fleet.packages import FleetPackages
from edgeadm.phases.fleet.preflight import MayAddFleet, MayDetachFleet
from edgeadm.phases.hosts_entry import HostsEntry
from edgeadm.phases.images import Images
from edgeadm.phases.kubeadm_config import KubeadmConfig
from edgeadm.phases.kubeadm_init import KubeadmInit
from edgeadm.phases.kubeadm_join import KubeadmJoin
from edgeadm.phases.kubelet import Kubelet
from edgeadm.phases.lite_apiserver import LiteApiServer
from edgeadm.phases.node import PrepareNode
from edgeadm.phases.package import InstallPrograms
from edgeadm.phases.preflight import Preflight
from edgeadm.phases.preflight_join import JoinPreflight
from edgeadm.phases.recover import Recover
from edgeadm.phases.recover_join import RecoverJoin
from edgeadm.phases.reset.containers import EndContainers, StopUnits
from edgeadm.phases.reset.data import RemoveData
from edgeadm.phases.reset.files import RestoreFiles
from edgeadm.phases.reset.images import RemoveImages
from edgeadm.phases.reset.kernel import RestoreKernel
from edgeadm.phases.reset.kubeadm_reset import KubeadmReset
from edgeadm.phases.reset.mounts import Unmount
from edgeadm.phases.reset.network import RemoveLinks
from edgeadm.phases.reset.rules import RemoveRules
from edgeadm.phases.reset.state import RemoveState
from edgeadm.phases.runtime import Runtime
from edgeadm.phases.service_ip import ServiceIp
from edgeadm.phases.share_settings import ShareSettings
from edgeadm.phases.virtual_ip.keepalived import Keepalived
from edgeadm.phases.virtual_ip.kube_vip import KubeVip, KubeVipSettled
from edgeadm.phases.warm_up import WarmUp
from edgeadm.preflight.every import INIT_CHECKS, JOIN_CHECKS

# The API server comes last: it is configured for the tunnel once there is one.
EDGE_APPS = (
    EdgeNamespace(),
    Approver(),
    Certificates(),
    Tunnel(),
    ApplicationGrid(),
    KubeProxy(),
    EdgePodNetwork(),
    CloudOnly(),
    SiteManager(),
    EdgeHealth(),
    EdgeDns(),
    ApiServer(),
)
# Clusters that kubeadm did not create require additional objects before and after the components.
ON_ANY_CLUSTER = (Bootstrap(), *EDGE_APPS, EgressByHand())

INIT = Workflow(
    "init",
    "Set up the control plane of a cluster on this host.",
    (
        Preflight(INIT_CHECKS),
        InstallPrograms(),
        PrepareNode(),
        Runtime(),
        Images(),
        Kubelet(),
        KubeadmConfig(),
        FirstStart(),
        Recover(),
        Group("virtual-ip", "the address that all control planes share", (Keepalived(), KubeVip())),
        KubeadmInit(),
        KubeVipSettled(),
        ShareSettings(),
        PodNetwork(),
        Group("edge-apps", "the components of an edge cluster", EDGE_APPS),
    ),
)

JOIN = Workflow(
    "join",
    "Join this host to a cluster as a node.",
    (
        JoinPreflight(JOIN_CHECKS),
        Discover(),
        HostsEntry(),
        InstallPrograms(),
        PrepareNode(),
        Runtime(),
        Images(),
        Kubelet(),
        JoinPodNetwork(),
        Group(
            "edge",
            "lite-apiserver and the other services of edge nodes",
            (EdgeNic(), EdgeCertificate(), LiteApiServer(), ServiceIp(), EdgeMemory()),
            to_edge_nodes,
        ),
        RecoverJoin(),
        FirstStart(),
        KubeadmJoin(),
        WarmUp(),
        Group("virtual-ip", "the address that all control planes share", (Keepalived(), KubeVip())),
        Group(
            "edge-apps",
            "the tunnel settings of another control plane",
            (ApiServer(),),
            to_new_control_planes,
        ),
    ),
)

ADDON = Workflow(
    "addon edge-apps",
    "Add edge components to an existing cluster.",
    (Images(), *ON_ANY_CLUSTER),
)

# The controller comes last: its image and the packages are on the node before it starts.
FLEET = (FleetPackages(), FleetDefinitions(), ClusterDefinitions(), FleetController())
ADDON_FLEET = Workflow(
    "addon fleet",
    "Add the controller of NodeTasks to an edge cluster.",
    (MayAddFleet(), FleetImage(), *FLEET),
)
DETACH_FLEET = Workflow(
    "detach fleet",
    "Remove the controller of NodeTasks, and all NodeTasks.",
    (MayDetachFleet(), *(Detach(each) for each in reversed(FLEET))),
)

CERTS = Workflow(
    RENEWAL,
    "Renew certificates of the edge components that are about to expire.",
    (Certificates(), EgressByHand()),
)

DETACH = Workflow(
    "detach edge-apps",
    "Remove the edge components from a cluster.",
    (MayDetach(), *(Detach(each) for each in reversed(ON_ANY_CLUSTER))),
)

# What reset removes from a machine, besides the files that the journal knows.
INVENTORY = Inventory((*JOIN.leaves(), *INIT.leaves(), *ADDON.leaves(), *ADDON_FLEET.leaves(), OF_A_DRILL))

RESET = Workflow(
    "reset",
    "Uninstall: revert everything that edgeadm changed on this host.",
    (
        KubeadmReset(),
        RemoveImages(),
        StopUnits(),
        EndContainers(),
        Unmount(),
        RemoveLinks(),
        RemoveRules(),
        RemoveData(),
        RestoreKernel(),
        RestoreFiles(),
        RemoveState(),
    ),
)
