"""The table of contents: what each verb does, in order."""

from __future__ import annotations

from edgeadm.core.phase import Group
from edgeadm.core.workflow import Workflow
from edgeadm.phases.cni import PodNetwork
from edgeadm.phases.cni_join import JoinPodNetwork
from edgeadm.phases.discover import Discover
from edgeadm.phases.edge_approver import EdgeApprover
from edgeadm.phases.edge_certificate import EdgeCertificate
from edgeadm.phases.edge_nic import EdgeNic
from edgeadm.phases.images import Images
from edgeadm.phases.kubeadm_config import KubeadmConfig
from edgeadm.phases.kubeadm_init import KubeadmInit
from edgeadm.phases.kubeadm_join import KubeadmJoin
from edgeadm.phases.kubelet import Kubelet
from edgeadm.phases.lite_apiserver import LiteApiServer
from edgeadm.phases.node import PrepareNode
from edgeadm.phases.package import InstallPrograms
from edgeadm.phases.preflight import INIT_CHECKS, Preflight
from edgeadm.phases.preflight_join import JOIN_CHECKS, JoinPreflight
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

INIT = Workflow(
    "init",
    "Set up the control plane of a cluster on this machine.",
    (
        Preflight(INIT_CHECKS),
        InstallPrograms(),
        PrepareNode(),
        Runtime(),
        Images(),
        Kubelet(),
        KubeadmConfig(),
        Recover(),
        KubeadmInit(),
        PodNetwork(),
        EdgeApprover(),
    ),
)

JOIN = Workflow(
    "join",
    "Make this machine a node of a cluster.",
    (
        JoinPreflight(JOIN_CHECKS),
        Discover(),
        InstallPrograms(),
        PrepareNode(),
        Runtime(),
        Images(),
        Kubelet(),
        JoinPodNetwork(),
        Group(
            "edge",
            "what only an edge node has: its own API server",
            (EdgeNic(), EdgeCertificate(), LiteApiServer()),
        ),
        RecoverJoin(),
        KubeadmJoin(),
    ),
)

RESET = Workflow(
    "reset",
    "Take back everything that edgeadm changed on this machine.",
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
