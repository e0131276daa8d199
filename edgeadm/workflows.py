"""The table of contents: what each verb does, in order."""

from __future__ import annotations

from edgeadm.core.workflow import Workflow
from edgeadm.phases.cni import PodNetwork
from edgeadm.phases.images import Images
from edgeadm.phases.kubeadm_config import KubeadmConfig
from edgeadm.phases.kubeadm_init import KubeadmInit
from edgeadm.phases.kubelet import Kubelet
from edgeadm.phases.node import PrepareNode
from edgeadm.phases.package import InstallPrograms
from edgeadm.phases.preflight import INIT_CHECKS, Preflight
from edgeadm.phases.recover import Recover
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
    ),
)
