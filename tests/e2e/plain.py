"""A control plane without an installer: binaries started by units, with manually created certificates in
custom directories."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from edgeadm.node.cni_files import CONFLIST, CONFLIST_VALUES
from edgeadm.phases.cni import HEALTH_PORT
from edgeadm.render import Renderer
from tests.certificates import issued, new_pair
from tests.e2e.cluster import Reached
from tests.e2e.release import IMAGES
from tests.e2e.waiting import until

ADMIN = "/root/.kube/config"
HOME = "/etc/plain"
CA = (f"{HOME}/ca.crt", f"{HOME}/ca.key")
PODS, SERVICES, FIRST = "192.168.0.0/16", "10.32.0.0/24", "10.32.0.1"
# Program → image that contains it; they run outside of Pods.
PROGRAMS = {
    "etcd": IMAGES["registry.k8s.io/etcd"],
    "kube-apiserver": IMAGES["registry.k8s.io/kube-apiserver"],
    "kube-controller-manager": IMAGES["registry.k8s.io/kube-controller-manager"],
    "kube-scheduler": IMAGES["registry.k8s.io/kube-scheduler"],
    "kube-proxy": IMAGES["registry.k8s.io/kube-proxy"],
}
# The clients of the API server: name of the file, user, group.
CLIENTS = (
    ("admin", "admin", "system:masters"),
    ("kube-controller-manager", "system:kube-controller-manager", ""),
    ("kube-scheduler", "system:kube-scheduler", ""),
    ("kube-proxy", "system:kube-proxy", ""),
    ("kubelet", "system:node:cp1", "system:nodes"),
)
TAKE = """
set -e
at=$(mktemp -d)
ctr -n k8s.io images mount "$2" "$at" >/dev/null
install -m 0755 "$at/usr/local/bin/$1" "/usr/local/bin/$1"
ctr -n k8s.io images unmount "$at" >/dev/null
rmdir "$at" 2>/dev/null || true
"""
KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": CA[0]}},
    "authorization": {"mode": "Webhook"},
    "cgroupDriver": "systemd",
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "failCgroupV1": False,
    "failSwapOn": False,
}
PROXY = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "kind": "KubeProxyConfiguration",
    "clientConnection": {"kubeconfig": f"{HOME}/kube-proxy.conf"},
    "clusterCIDR": PODS,
    "conntrack": {"maxPerCore": 0, "min": 0},
}


@dataclass(frozen=True)
class PlainCluster(Reached):
    """cp1 is the whole control plane and a node; edge1 may join."""

    kubeconfig: str = ADMIN

    def set_up(self) -> None:
        """edgeadm only installs programs and images; the cluster is neither edgeadm's nor kubeadm's."""
        for phase in ("package", "node", "runtime", "images"):
            self.cp1.exec(["edgeadm", "init", "phase", phase, "--install-pkg-path", self.package])
        for program, image in PROGRAMS.items():
            self.cp1.exec(["sh", "-c", TAKE, "sh", program, image])
        self._write_files()
        self.start(*self.commands())
        until(lambda: self.kubectl("get", "--raw", "/readyz", check=False).out == "ok", "the API is ready")
        self._network()

    def commands(self) -> dict[str, list[str]]:
        """The command line of each unit, in start order."""
        own = self.cp1.ip
        return {
            "etcd": ["etcd", "--data-dir=/var/lib/plain-etcd"],
            "kube-apiserver": [
                "kube-apiserver",
                "--etcd-servers=http://127.0.0.1:2379",
                f"--advertise-address={own}",
                f"--service-cluster-ip-range={SERVICES}",
                "--authorization-mode=Node,RBAC",
                "--allow-privileged=true",
                "--enable-bootstrap-token-auth=true",
                f"--client-ca-file={CA[0]}",
                f"--tls-cert-file={HOME}/apiserver.crt",
                f"--tls-private-key-file={HOME}/apiserver.key",
                f"--kubelet-client-certificate={HOME}/kubelet-client.crt",
                f"--kubelet-client-key={HOME}/kubelet-client.key",
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={HOME}/sa.key",
                f"--service-account-signing-key-file={HOME}/sa.key",
            ],
            "kube-controller-manager": [
                "kube-controller-manager",
                f"--kubeconfig={HOME}/kube-controller-manager.conf",
                f"--cluster-signing-cert-file={CA[0]}",
                f"--cluster-signing-key-file={CA[1]}",
                f"--root-ca-file={CA[0]}",
                f"--service-account-private-key-file={HOME}/sa.key",
                "--use-service-account-credentials=true",
                "--allocate-node-cidrs=true",
                f"--cluster-cidr={PODS}",
                f"--service-cluster-ip-range={SERVICES}",
            ],
            "kube-scheduler": ["kube-scheduler", f"--kubeconfig={HOME}/kube-scheduler.conf"],
            "kube-proxy": ["kube-proxy", f"--config={HOME}/kube-proxy.yaml", "--hostname-override=cp1"],
            "kubelet": [
                "kubelet",
                f"--config={HOME}/kubelet.yaml",
                f"--kubeconfig={HOME}/kubelet.conf",
                f"--node-ip={own}",
                "--hostname-override=cp1",
            ],
        }

    def start(self, *names: str, **more: list[str]) -> None:
        """Write these units and start them. `more` are additional flags by name of the unit in Python."""
        for name in names:
            words = " ".join([*self.commands()[name], *more.get(name.replace("-", "_"), [])])
            path = self.cp1.exec(["sh", "-c", f"command -v {name}"]).out.strip().removesuffix(name)
            unit = f"[Service]\nExecStart={path}{words}\nRestart=always\nRestartSec=1\n"
            self.cp1.write(f"/etc/systemd/system/{name}.service", unit)
        self.cp1.exec(["systemctl", "daemon-reload"])
        self.cp1.exec(["systemctl", "restart", *names])

    def _write_files(self) -> None:
        ca = new_pair("somebody's own CA", kind="rsa", days=365)
        own, server = self.cp1.ip, f"https://{self.cp1.ip}:6443"
        names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", FIRST, "127.0.0.1", own)
        pairs = {
            "ca": ca,
            "apiserver": issued(ca, "kube-apiserver", names=names),
            "kubelet-client": issued(ca, "kube-apiserver", organization="system:masters"),
            "sa": new_pair("service accounts", kind="rsa"),
        }
        for name, (certificate, key) in pairs.items():
            self.cp1.write(f"{HOME}/{name}.crt", certificate)
            self.cp1.write(f"{HOME}/{name}.key", key, 0o600)
        for name, user, group in CLIENTS:
            text = kubeconfig(server, ca[0], issued(ca, user, organization=group))
            self.cp1.write(ADMIN if name == "admin" else f"{HOME}/{name}.conf", text, 0o600)
        self.cp1.write(f"{HOME}/kubelet.yaml", yaml.safe_dump(KUBELET))
        self.cp1.write(f"{HOME}/kube-proxy.yaml", yaml.safe_dump(PROXY))

    def _network(self) -> None:
        """flannel, with the image of the package."""
        listed = self.cp1.exec(["ctr", "-n", "k8s.io", "images", "ls", "-q"]).out.split()
        values = {
            "pod_cidr_v4": PODS,
            "pod_cidr_v6": "",
            "flannel_image": next(each for each in listed if "/flannel:" in each),
            "api_host": self.cp1.ip,
            "api_port": 6443,
            "health_port": HEALTH_PORT,
        }
        self.cp1.write(CONFLIST, Renderer().text("cni/flannel.conflist", CONFLIST_VALUES))
        self.kubectl("apply", "-f", "-", stdin=Renderer().text("cni/flannel.yaml", values).encode())
        self.kubectl("wait", "--for=create", "--timeout=480s", "node/cp1")
        self.kubectl("wait", "--for=condition=Ready", "--timeout=480s", "node/cp1")
        flannel = ("-n", "kube-flannel", "rollout", "status", "--timeout=480s", "ds/kube-flannel-ds")
        until(lambda: self._runs_somewhere("kube-flannel", "kube-flannel-ds"), "flannel is under way")
        self.kubectl(*flannel)

    def _runs_somewhere(self, namespace: str, daemon_set: str) -> bool:
        """Whether its controller has scheduled it to a node: before that, it counts as rolled out."""
        wanted = "jsonpath={.status.desiredNumberScheduled}"
        found = self.kubectl("-n", namespace, "get", "ds", daemon_set, "-o", wanted, check=False).out
        return found not in ("", "0")


def kubeconfig(server: str, ca: bytes, pair: tuple[bytes, bytes]) -> str:
    """A kubeconfig with all of it inside."""
    import base64

    def data(text: bytes) -> str:
        return base64.b64encode(text).decode()

    cluster = {"server": server, "certificate-authority-data": data(ca)}
    user = {"client-certificate-data": data(pair[0]), "client-key-data": data(pair[1])}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "plain", "cluster": cluster}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "me@plain", "context": {"cluster": "plain", "user": "me"}}],
            "current-context": "me@plain",
        }
    )
