"""A static Pod's manifest as kubeadm writes it, edited as data: flags, volumes, annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeadm import yaml_text
from edgeadm.errors import PhaseError

Pod = dict[str, Any]


@dataclass(frozen=True)
class Edit:
    """What a manifest gets: flags of the first container, folders of the host to read, annotations, and the
    way names are resolved."""

    flags: Mapping[str, str]
    folders: Mapping[str, str]  # name of the volume → path
    annotations: Mapping[str, str]
    dns_policy: str


def edited(manifest: bytes, edit: Edit) -> bytes:
    """The manifest with the edit in it; the same bytes where it is in it already. Raises PhaseError."""
    import yaml

    pod = _load(manifest)
    before = yaml.safe_dump(pod)
    container = _container(pod)
    command = container["command"]
    for name, value in edit.flags.items():
        if argument(manifest, name) is None:
            command.append(f"--{name}={value}")
        else:
            command[:] = [f"--{name}={value}" if _name(word) == name else word for word in command]
    for name, path in edit.folders.items():
        _put(container.setdefault("volumeMounts", []), _mount(name, path))
        _put(pod["spec"].setdefault("volumes", []), _volume(name, path))
    pod["spec"]["dnsPolicy"] = edit.dns_policy
    pod["metadata"].setdefault("annotations", {}).update(edit.annotations)
    return manifest if yaml.safe_dump(pod) == before else yaml.safe_dump(pod, sort_keys=False).encode()


def patch(edit: Edit) -> bytes:
    """The edit as operations that kubeadm applies to its manifest (RFC 6902): `kube-apiserver+json.yaml`. The
    manifest is one of kubeadm's, which has annotations, volumes and mounts."""
    import yaml

    first = "/spec/containers/0"
    operations = [_add(f"{first}/command/-", f"--{name}={value}") for name, value in edit.flags.items()]
    for name, path in edit.folders.items():
        operations.append(_add(f"{first}/volumeMounts/-", _mount(name, path)))
        operations.append(_add("/spec/volumes/-", _volume(name, path)))
    operations.append(_add("/spec/dnsPolicy", edit.dns_policy))
    for name, text in edit.annotations.items():
        operations.append(_add(f"/metadata/annotations/{name.replace('/', '~1')}", text))
    return yaml.safe_dump(operations, sort_keys=False).encode()


def stripped(manifest: bytes, edit: Edit) -> bytes:
    """The manifest without the edit; later changes of other parts are kept. Raises PhaseError."""
    import yaml

    pod = _load(manifest)
    container = _container(pod)
    container["command"] = [word for word in container["command"] if _name(word) not in edit.flags]
    for holder, kind in ((container, "volumeMounts"), (pod["spec"], "volumes")):
        holder[kind] = [each for each in holder.get(kind, []) if each["name"] not in edit.folders]
    if pod["spec"].get("dnsPolicy") == edit.dns_policy:
        del pod["spec"]["dnsPolicy"]
    annotations = pod["metadata"].get("annotations", {})
    for name in edit.annotations:
        annotations.pop(name, None)
    return yaml.safe_dump(pod, sort_keys=False).encode()


def argument(manifest: bytes, name: str) -> str | None:
    """The value of a flag of the first container; None where it has no such flag. Raises PhaseError."""
    found = [word for word in command_of(_load(manifest)) if _name(word) == name]
    return found[-1].partition("=")[2] if found else None


def command_of(pod: Mapping[str, Any]) -> list[str]:
    """The command line of a Pod's first container, in any order that it may have."""
    container = pod["spec"]["containers"][0]
    return sorted([*container.get("command", []), *container.get("args", [])])


def runs(pod: Mapping[str, Any], manifest: bytes, annotation: str) -> bool:
    """Whether a Pod was created from the manifest, by its command line and this annotation; the kubelet adds
    its own annotations. Raises PhaseError."""
    wanted = _load(manifest)

    def said(each: Mapping[str, Any]) -> Any:
        return (each["metadata"].get("annotations") or {}).get(annotation)

    return command_of(pod) == command_of(wanted) and bool(said(pod) == said(wanted))


def load_command(manifest: bytes) -> list[str]:
    """Whether a manifest has the command line and this annotation. Raises PhaseError."""
    return command_of(_load(manifest))


def _name(word: str) -> str:
    return word.partition("=")[0].removeprefix("--") if word.startswith("--") else ""


def _add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def _mount(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "mountPath": path, "readOnly": True}


def _volume(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}


def _put(items: list[dict[str, Any]], wanted: dict[str, Any]) -> None:
    for index, each in enumerate(items):
        if each["name"] == wanted["name"]:
            items[index] = wanted
            return
    items.append(wanted)


def _container(pod: Pod) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def _load(manifest: bytes) -> Pod:
    import yaml

    try:
        pod = yaml_text.load(manifest)
        whole = isinstance(pod["metadata"], dict) and isinstance(
            pod["spec"]["containers"][0]["command"], list
        )
    except (yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise PhaseError(
            "the manifest does not have the form of kubeadm's static Pods",
            context=repr(error),
            hint="compare it with the output of `kubeadm init phase control-plane all --dry-run`",
        ) from error
    if not whole:
        raise PhaseError("the manifest's first container has no command to add flags to")
    found: Pod = pod
    return found
