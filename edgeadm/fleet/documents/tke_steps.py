"""The steps of TKEStack that `features.skipConditions` may name, as phases of `edgeadm init`.

Source: tkestack/tke, pkg/platform/provider/edge/cluster/provider.go (CreateHandlers), and the two steps of
the design of the edge cluster, in its spelling (`EnsurePrepareEgdeCluster`, `EnsureApplyEdgeApps`)."""

from __future__ import annotations

from collections.abc import Mapping

from edgeadm.fleet.documents.faults import Faults

# The phases that do the work of a step.
PHASES: Mapping[str, tuple[str, ...]] = {
    "EnsureKernelModule": ("node",),
    "EnsureSysctl": ("node",),
    "EnsurePreflight": ("preflight",),
    "EnsureContainerRuntime": ("runtime",),
    "EnsureKubernetesImages": ("images",),
    "EnsureKubelet": ("kubelet",),
    "EnsureKubeadmInitPhaseKubeletStart": ("kubelet-start",),
    "EnsureKubeadmInitPhaseCerts": ("certs",),
    "EnsureKubeadmInitPhaseKubeConfig": ("kubeconfig",),
    "EnsureKubeadmInitPhaseControlPlane": ("control-plane",),
    "EnsureKubeadmInitPhaseETCD": ("etcd",),
    "EnsureKubeadmInitPhaseWaitControlPlane": ("wait-control-plane",),
    "EnsureKubeadmInitPhaseUploadConfig": ("upload-config",),
    "EnsureKubeadmInitPhaseUploadCerts": ("upload-certs",),
    "EnsureKubeadmInitPhaseBootstrapToken": ("bootstrap-token",),
    "EnsureKubeadmInitPhaseAddon": ("addon",),
    "EnsureMarkControlPlane": ("mark-control-plane",),
    "EnsureKeepalivedInit": ("virtual-ip",),
    "EnsureKeepalivedWithLBOption": ("virtual-ip",),
    "EnsureGalaxy": ("cni",),
    "EnsureApplyEdgeApps": ("edge-apps",),
}
# Steps that edgeadm does not have: nothing is to be skipped.
ABSENT = (
    "EnsureAuthzWebhook",
    "EnsureCilium",
    "EnsureCleanup",
    "EnsureCopyFiles",
    "EnsureCreateClusterMark",
    "EnsureCSIOperator",
    "EnsureDisableOffloading",
    "EnsureDisableSwap",
    "EnsureGPUManager",
    "EnsureMetricsServer",
    "EnsureNvidiaContainerRuntime",
    "EnsureNvidiaDevicePlugin",
    "EnsureNvidiaDriver",
    "EnsurePatchAnnotation",
    "EnsurePostClusterInstallHook",
    "EnsurePostInstallHook",
    "EnsurePreClusterInstallHook",
    "EnsurePreInstallHook",
    "EnsureRegistryHosts",
    "EnsureThirdPartyHA",
    "EnsureThirdPartyHAInit",
)
# Steps that are part of a phase with other steps, or without which no cluster exists.
INSEPARABLE = (
    "EnsureCNIPlugins",
    "EnsureClusterComplete",
    "EnsureConntrackTools",
    "EnsureInitAPIServerHost",
    "EnsureJoinPhaseControlPlaneJoinETCD",
    "EnsureJoinPhaseControlPlaneJoinUpdateStatus",
    "EnsureJoinPhaseControlPlanePrepare",
    "EnsureJoinPhaseKubeletStart",
    "EnsureJoinPhasePreflight",
    "EnsureKubeadm",
    "EnsureKubeconfig",
    "EnsureModifyAPIServerHost",
    "EnsurePrepareEgdeCluster",
    "EnsurePrepareForControlplane",
    "EnsureStoreCredential",
)


def phases_to_skip(steps: tuple[str, ...], path: str, faults: Faults) -> tuple[str, ...]:
    """The phases of the steps, each once. Steps without a phase are warnings; names that TKEStack does not
    have are faults."""
    found: dict[str, None] = {}
    for at, step in enumerate(steps):
        where = f"{path}[{at}]"
        if step in PHASES:
            found |= dict.fromkeys(PHASES[step])
        elif step in ABSENT:
            faults.warn(where, f"edgeadm has no step {step}, so that nothing is skipped")
        elif step in INSEPARABLE:
            faults.warn(where, f"{step} is a part of a phase of edgeadm and cannot be skipped")
        else:
            faults.unknown(path, step, (*PHASES, *ABSENT, *INSEPARABLE))
    return tuple(found)
