"""Queries a real kubeadm for the facts in `edgeadm/kubeadm/compat.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeadm.hosts.base import Result
from edgeadm.hosts.process import execute
from edgeadm.kubeadm import compat

KINDS = {
    "kubeadm.k8s.io": "ClusterConfiguration",
    "kubelet.config.k8s.io": "KubeletConfiguration",
    "kubeproxy.config.k8s.io": "KubeProxyConfiguration",
}
# Those in compat, and one of each group that no kubeadm supports.
APIS = (*compat.READS, *(f"{group}/v9" for group in KINDS))

REFUSED = re.compile("API spec|apiVersion|unknown configuration APIs")
NO_PHASE = "no-such-phase"
TOKEN = ("--token", "abcdef.0123456789abcdef", "--discovery-token-unsafe-skip-ca-verification")
WORDS = {
    "init": ("init", "--apiserver-advertise-address", "192.0.2.1"),
    "join": ("join", "192.0.2.1:6443", *TOKEN, "--apiserver-advertise-address", "192.0.2.1"),
}


@dataclass(frozen=True)
class Kubeadm:
    """The program and its version."""

    program: Path
    version: str

    def run(self, *words: str, stdin: bytes = b"") -> Result:
        return execute([str(self.program), *words], stdin=stdin)

    def reads(self, api: str) -> bool:
        """Whether it accepts a document of the API."""
        kind = KINDS[api.partition("/")[0]]
        document = f"apiVersion: {api}\nkind: {kind}\n"
        if kind == "ClusterConfiguration":
            document += f"kubernetesVersion: {self.version}\n"
        said = self.run("config", "validate", "--config", "/dev/stdin", stdin=document.encode())
        assert said.code == 0 or re.search("API spec|apiVersion|unknown configuration APIs", said.err), (
            said.err
        )
        return said.code == 0

    def has_phase(self, verb: str, path: str) -> bool:
        """Whether there is a phase of that path, hidden or not, that can be skipped. The command ends at a
        name that no release has, before any change."""
        version = ("--kubernetes-version", self.version) if verb == "init" else ()
        said = self.run(*WORDS[verb], *version, f"--skip-phases={path},{NO_PHASE}").err
        found = re.search("invalid phase name: (\\S+)", said)
        assert found, said
        return found[1] == NO_PHASE

    def gates(self) -> list[str]:
        """The feature gates in its help: all that are not locked."""
        told = self.run("init", "--help").out.partition("--feature-gates")[2].partition("\n  -")[0]
        return re.findall(r"(\w+)=true\|false", told)

    def takes_gate(self, name: str, value: str) -> bool:
        """Whether it accepts the value of the feature gate."""
        words = ("config", "images", "list", "--kubernetes-version", self.version)
        return self.run(*words, "--feature-gates", f"{name}={value}").code == 0

    def images(self, settings: Mapping[str, Any] | None = None) -> set[str]:
        """The images that it requires for a ClusterConfiguration with these settings."""
        head = {"apiVersion": compat.config_api(self.version), "kind": "ClusterConfiguration"}
        document = head | {"kubernetesVersion": self.version} | dict(settings or {})
        words = ("config", "images", "list", "--config", "/dev/stdin")
        return set(self.run(*words, stdin=json.dumps(document).encode()).checked().out.split())
