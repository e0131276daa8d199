"""From flags, variables and a file to one Config: flag > variable > file > default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edgeadm import yaml_text
from edgeadm.config.errors import (
    ConfigFileMissingError,
    ConfigSyntaxError,
    UnknownDocumentError,
    UnknownKeyError,
)
from edgeadm.config.model import (
    AddonFlags,
    Config,
    JoinFlags,
    KubeadmDocument,
    KubeadmFlags,
    ResetOptions,
    addon_settings,
    every_setting,
    join_settings,
    key_of,
    kubeadm_settings,
    own_settings,
    reset_settings,
)
from edgeadm.config.secret import Secret, marked
from edgeadm.errors import ConfigError

API = "edgeadm.io/v1alpha1"
KIND = "EdgeConfiguration"
KUBEADM_GROUPS = ("kubeadm.k8s.io", "kubelet.config.k8s.io", "kubeproxy.config.k8s.io")


def load(file: str | None, given: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Config:
    """The merged configuration. `given` holds what flags and variables set, by field name; `kept` what the
    cluster was made with, which goes before the defaults alone.

    Raises ConfigError: an unreadable or malformed file, an unknown document, an unknown key, a wrong type."""
    documents = read_documents(file) if file else ()
    ours = [document for document in documents if is_ours(document)]
    if len(ours) > 1:
        raise ConfigError(f"`{file}` contains {len(ours)} {KIND} documents", hint="keep one of them")
    wanted = _marked({**(kept or {}), **(_fields_of(ours[0]) if ours else {}), **given})
    theirs = tuple(marked(document) for document in documents if not is_ours(document))
    return replace(
        Config(),
        **_of(own_settings(), wanted),
        kubeadm=replace(KubeadmFlags(), **_of(kubeadm_settings(), wanted)),
        join=replace(JoinFlags(), **_of(join_settings(), wanted)),
        addon=replace(AddonFlags(), **_of(addon_settings(), wanted)),
        reset=replace(ResetOptions(), **_of(reset_settings(), wanted)),
        kubeadm_documents=theirs,
    )


def _of(group: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields of this group. Groups may have fields with the same name."""
    return {name: wanted[name] for name in group if name in wanted}


def _marked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of fields; those that must not be shown as Secrets."""
    secret = {name for name, each in every_setting().items() if each.metadata.get("secret")}
    return {
        name: Secret(value) if name in secret and isinstance(value, str) else value
        for name, value in values.items()
    }


def read_documents(file: str) -> tuple[KubeadmDocument, ...]:
    """The documents of a configuration file, each of a kind that edgeadm or kubeadm reads."""
    import yaml

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileMissingError(f"cannot read `{file}`: {error}", hint="check `--config`") from error
    try:
        documents = [document for document in yaml_text.load_all(text) if document is not None]
    except yaml.YAMLError as error:
        raise ConfigSyntaxError(
            f"`{file}` is not valid YAML",
            context=str(error),
            hint="`edgeadm config print` prints a valid one",
        ) from error
    for document in documents:
        _known_kind(document, file)
    if not documents:
        raise ConfigSyntaxError(f"`{file}` contains no document", hint="`edgeadm config print` prints one")
    return tuple(documents)


def is_ours(document: KubeadmDocument) -> bool:
    """Whether the document is an EdgeConfiguration."""
    return str(document.get("apiVersion", "")).startswith("edgeadm.io/")


def _known_kind(document: Any, file: str) -> None:
    if not isinstance(document, dict) or not document.get("apiVersion") or not document.get("kind"):
        raise ConfigSyntaxError(
            f"a document in `{file}` lacks apiVersion or kind",
            hint=f"edgeadm's own document begins with `apiVersion: {API}` and `kind: {KIND}`",
        )
    api, kind = str(document["apiVersion"]), str(document["kind"])
    if api.startswith("edgeadm.io/"):
        if (api, kind) != (API, KIND):
            raise UnknownDocumentError(f"`{file}`: unknown document {api} {kind}", hint=f"use {API} {KIND}")
    elif api.partition("/")[0] not in KUBEADM_GROUPS:
        raise UnknownDocumentError(
            f"`{file}`: neither edgeadm nor kubeadm reads {api} {kind}",
            hint=f"edgeadm reads documents of {API} and of {', '.join(KUBEADM_GROUPS)}",
        )


def _fields_of(document: KubeadmDocument) -> dict[str, Any]:
    """Field values of an EdgeConfiguration; every unknown key and wrong type is named at once."""
    every = every_setting()
    by_key = {key_of(name): name for name in every}
    body = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    unknown = [key for key in body if key not in by_key]
    if unknown:
        raise UnknownKeyError(
            f"{KIND} has no key {', '.join(f'`{key}`' for key in unknown)}",
            hint=_guess(unknown, by_key),
        )
    faults: list[str] = []
    values: dict[str, Any] = {}
    for key, value in body.items():
        name = by_key[key]
        try:
            values[name] = typed(value, every[name].type)
        except TypeError as error:
            faults.append(f"{key}: {error}")
    if faults:
        raise ConfigError(
            f"{KIND} contains values of the wrong type",
            context="\n".join(faults),
            hint="`edgeadm config print` prints each key with a value of its type",
        )
    return values


def typed(value: Any, kind: str) -> Any:
    """The value as the field's type wants it; raises TypeError with words for the user."""
    if kind.startswith("tuple"):
        if isinstance(value, str):
            return tuple(part for part in value.split(",") if part)
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise TypeError("expects a list of strings")
    wanted = {"bool": bool, "int": int, "str": str}[kind.partition(" ")[0]]
    if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return value
    words = {bool: "true or false", int: "a whole number", str: "a string"}
    raise TypeError(f"expects {words[wanted]}, not {value!r}")


def _guess(unknown: Iterable[str], known: Iterable[str]) -> str:
    guesses = [(key, get_close_matches(key, list(known), n=1)) for key in unknown]
    named = [f"`{near[0]}` for `{key}`" for key, near in guesses if near]
    return f"did you mean {', '.join(named)}?" if named else "`edgeadm config print` lists the keys"
