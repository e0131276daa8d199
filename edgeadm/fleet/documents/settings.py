"""`settings` in documents: keys of an EdgeConfiguration that a document may set for the machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edgeadm.config.load import typed
from edgeadm.config.model import (
    INIT,
    JOIN,
    Config,
    JoinFlags,
    KubeadmFlags,
    every_setting,
    flag_of,
    join_settings,
    key_of,
    kubeadm_settings,
    own_settings,
    settings_of,
)
from edgeadm.config.validate import find_faults
from edgeadm.config.validate_join import join_faults
from edgeadm.fleet.documents.faults import Faults, join
from edgeadm.fleet.documents.kinds import CONTROL, LONGEST_TEXT, Kind, type_of

# The engine sets these for each machine, or they have keys of their own in the document.
OF_THE_ENGINE = frozenset(
    {
        "api_server_endpoint",
        "certificate_key",
        "control_plane",
        "discovery_file",
        "discovery_token",
        "discovery_token_ca_cert_hash",
        "discovery_token_unsafe_skip_ca_verification",
        "enable_edge",
        "install_pkg_path",
        "node_labels",
        "node_name",
        "register_with_taints",
        "skip_certificate_key_print",
        "skip_token_print",
        "tls_bootstrap_token",
        "token",
        "token_ttl",
        "upload_certs",
    }
)
# Paths of files on this host, which the machines do not have.
OF_THIS_HOST = frozenset({"manifests_dir", "patches", "values"})
MOST_ITEMS = 100


def settings() -> dict[str, str]:
    """The types of the settings that a document may contain, by key."""
    every = settings_of(INIT) | settings_of(JOIN)
    return {
        key_of(name): str(each.type)
        for name, each in every.items()
        if name not in OF_THE_ENGINE | OF_THIS_HOST and not each.metadata.get("secret")
    }


@dataclass(frozen=True)
class Settings(Kind):
    """A mapping of keys of an EdgeConfiguration to values of their types."""

    def read(self, value: Any, path: str, faults: Faults) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            faults.add(path, f"expects a mapping, not {type_of(value)}")
            return None
        known = settings()
        reserved = {key_of(name) for name in OF_THE_ENGINE | OF_THIS_HOST}
        found: dict[str, Any] = {}
        before = len(faults.found)
        for name, given in value.items():
            where = join(path, name)
            if name in reserved:
                faults.add(
                    where, "edgeadm sets this for each machine, or the document has its own key for it"
                )
            elif name not in known:
                faults.unknown(path, name, known)
            else:
                found[name] = _value(given, known[name], where, faults)
        if len(faults.found) == before:
            _validate(found, path, faults)
        return found

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: _schema(kind) for name, kind in settings().items()},
            "additionalProperties": False,
        }


def _value(given: Any, kind: str, path: str, faults: Faults) -> Any:
    try:
        value = typed(given, kind)
    except TypeError as error:
        faults.add(path, str(error)[:LONGEST_TEXT].splitlines()[0])
        return None
    items = value if isinstance(value, tuple) else (value,)
    texts = [each for each in items if isinstance(each, str)]
    if len(items) > MOST_ITEMS or any(len(each) > LONGEST_TEXT for each in texts):
        faults.add(path, f"is longer than {MOST_ITEMS} items or {LONGEST_TEXT} characters")
    elif any(CONTROL.search(each) for each in texts):
        faults.add(path, "contains a control character")
    # A list again: the value is part of a document.
    return list(value) if isinstance(value, tuple) else value


def _validate(found: dict[str, Any], path: str, faults: Faults) -> None:
    """Record the faults that `edgeadm join` and `init` would find in these values."""
    if found.get("cni") not in (None, "flannel", "none"):
        faults.add(join(path, "cni"), "is not one of flannel, none")
        return
    fields = {name: each for name, each in every_setting().items() if key_of(name) in found}
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value := found[key_of(name)], list) else value for name in fields
    }
    kubeadm = {name: given[name] for name in kubeadm_settings() if name in given}
    joining = {name: given[name] for name in join_settings() if name in given}
    own = {name: given[name] for name in own_settings() if name in given}
    config = replace(Config(**own), kubeadm=KubeadmFlags(**kubeadm), join=JoinFlags(**joining))
    keys = {flag_of(name): key_of(name) for name in fields}
    for line in (*find_faults(config, JOIN), *join_faults(config)):
        flag, _, text = line.partition(": ")
        if flag in keys:
            faults.add(join(path, keys[flag]), text)


def _schema(kind: str) -> dict[str, Any]:
    if kind.startswith("tuple"):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": {"bool": "boolean", "int": "integer", "str": "string"}[kind.partition(" ")[0]]}
