"""The JoinConfiguration for one kubeadm, the user's own underneath."""

from __future__ import annotations

import copy
from typing import Any

from edgeadm.config.secret import unmarked
from edgeadm.kubeadm.documents import (
    Document,
    api_of,
    extra_args,
    ignore,
    is_before_v1beta4,
    local_endpoint,
    put,
)
from edgeadm.kubeadm.documents import default as put_default
from edgeadm.kubeadm.model import JoinModel

LABELS = "node-labels"


def render_join(model: JoinModel, kubeadm: str) -> Document:
    """The document; how the cluster is found is always our kubeconfig, which was checked.

    Raises ConfigError where this kubeadm does not read the user's API or they mix two."""
    api = api_of(model, kubeadm)
    given = next((each for each in model.documents if each["kind"] == "JoinConfiguration"), {})
    document: Document = {"apiVersion": api, "kind": "JoinConfiguration"} | copy.deepcopy(dict(given))
    document["discovery"] = {
        **{key: value for key, value in (document.get("discovery") or {}).items() if key == "timeout"},
        "file": {"kubeConfigPath": model.kubeconfig},
        "tlsBootstrapToken": model.token,
    }
    _register(document, model, api)
    if model.control_plane:
        _control_plane(document, model)
    if model.skip_phases:
        document["skipPhases"] = list(dict.fromkeys([*document.get("skipPhases", []), *model.skip_phases]))
    put(document, "patches.directory", model.patches)
    found: Document = unmarked(document)
    return found


def _register(document: Document, model: JoinModel, api: str) -> None:
    put(document, "nodeRegistration.name", model.flags.node_name)
    put_default(document, "nodeRegistration.criSocket", model.cri_socket)
    put(document, "nodeRegistration.criSocket", model.flags.cri_socket)
    registration = document["nodeRegistration"]
    ignore(registration, model.ignore_preflight_errors)
    if model.taints:
        registration["taints"] = [_taint(each) for each in model.taints]
    current = registration.get("kubeletExtraArgs")
    args = extra_args(api, current, model.kubelet_args)
    labels = ",".join(part for part in (_given_labels(current), *model.labels) if part)
    if labels:
        args = _replaced(api, args, LABELS, labels)
    if args:
        registration["kubeletExtraArgs"] = args


def _control_plane(document: Document, model: JoinModel) -> None:
    flags = model.flags
    document.setdefault("controlPlane", {})
    local_endpoint(document, "controlPlane.localAPIEndpoint", model)
    put(document, "controlPlane.certificateKey", flags.certificate_key)


def _given_labels(args: Any) -> str:
    if isinstance(args, dict):
        return str(args.get(LABELS, ""))
    return next((str(each["value"]) for each in args or [] if each["name"] == LABELS), "")


def _replaced(api: str, args: Any, name: str, value: str) -> Any:
    if is_before_v1beta4(api):
        return {**args, name: value}
    return [*(each for each in args if each["name"] != name), {"name": name, "value": value}]


def _taint(text: str) -> dict[str, str]:
    key, _, effect = text.rpartition(":")
    key, _, value = key.partition("=")
    return {"key": key, **({"value": value} if value else {}), "effect": effect}
