"""The API server's manifest, edited as data."""

from __future__ import annotations

import pytest
import yaml

from edgeadm.errors import PhaseError
from edgeadm.kubeadm.static_pod import Edit, argument, edited, load_command, patch, stripped
from tests.traces import API_SERVER, patched

EDIT = Edit(
    {"a-flag": "x", "secure-port": "7443"}, {"conf": "/etc/conf"}, {"note": "1"}, "ClusterFirstWithHostNet"
)
ONLY_NEW = Edit({"a-flag": "x"}, {"conf": "/etc/conf"}, {"note": "1"}, "ClusterFirstWithHostNet")


def test_an_edit_adds_and_replaces_and_leaves_the_rest() -> None:
    pod = yaml.safe_load(edited(API_SERVER, EDIT))
    before = yaml.safe_load(API_SERVER)
    container = pod["spec"]["containers"][0]
    assert container["command"][-2:] == ["--secure-port=7443", "--a-flag=x"]
    assert container["volumeMounts"][-1] == {"name": "conf", "mountPath": "/etc/conf", "readOnly": True}
    assert pod["spec"]["volumes"][-1]["hostPath"]["path"] == "/etc/conf"
    assert pod["spec"]["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert pod["metadata"]["annotations"].items() > before["metadata"]["annotations"].items()
    for place in ("image", "name"):
        assert container[place] == before["spec"]["containers"][0][place]


def test_the_edit_as_kubeadms_patch_comes_to_the_same() -> None:
    assert edited(patched(API_SERVER, patch(ONLY_NEW)), ONLY_NEW) == patched(API_SERVER, patch(ONLY_NEW))
    assert yaml.safe_load(patched(API_SERVER, patch(ONLY_NEW))) == yaml.safe_load(
        edited(API_SERVER, ONLY_NEW)
    )


def test_an_edit_that_is_there_changes_no_byte() -> None:
    once = edited(API_SERVER, EDIT)
    assert edited(once, EDIT) == once


def test_another_edit_takes_the_place_of_the_first() -> None:
    other = Edit({"a-flag": "y"}, {"conf": "/etc/other"}, {"note": "2"}, "ClusterFirstWithHostNet")
    pod = yaml.safe_load(edited(edited(API_SERVER, EDIT), other))
    container = pod["spec"]["containers"][0]
    assert [word for word in container["command"] if word.startswith("--a-flag")] == ["--a-flag=y"]
    assert [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "conf"] == [
        "/etc/other"
    ]


def test_what_was_added_can_be_taken_out_of_a_manifest_that_changed_meanwhile() -> None:
    changed = edited(API_SERVER, ONLY_NEW).replace(b"v1.34.4", b"v1.34.5")
    assert yaml.safe_load(stripped(changed, ONLY_NEW)) == yaml.safe_load(
        API_SERVER.replace(b"v1.34.4", b"v1.34.5")
    )


def test_flags_are_read_by_their_whole_name() -> None:
    assert argument(API_SERVER, "secure-port") == "6443"
    assert argument(API_SERVER, "secure") is None
    assert load_command(API_SERVER) == sorted(yaml.safe_load(API_SERVER)["spec"]["containers"][0]["command"])


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"kind: Pod\n",
        b"metadata: {}\nspec: {containers: []}\n",
        b"metadata: {}\nspec: {containers: [{}]}\n",
    ],
)
def test_what_is_no_such_manifest_is_refused(broken: bytes) -> None:
    with pytest.raises(PhaseError):
        edited(broken, EDIT)
