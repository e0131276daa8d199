"""Bootstrap tokens as kubeadm keeps them: Secrets in kube-system, with kubeadm's names for the fields."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from edgeadm.cluster import Cluster, Object
from edgeadm.errors import ConfigError, EdgeadmError

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"
PREFIX = "bootstrap-token-"
USAGES = ("signing", "authentication")
DEFAULT_GROUP = "system:bootstrappers:kubeadm:default-node-token"
ID = re.compile(r"[a-z0-9]{6}")
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
LENGTHS = ((3600 * 24 * 365, "y"), (3600 * 24, "d"), (3600, "h"), (60, "m"), (1, "s"))


class TokenFormError(EdgeadmError):
    """The argument is neither a bootstrap token nor a token ID."""

    code = "token-form"
    exit_code = 3


class NoSuchTokenError(EdgeadmError):
    """The cluster has no bootstrap token with this ID."""

    code = "no-such-token"


class TokenExistsError(EdgeadmError):
    """The cluster has a bootstrap token with this ID already."""

    code = "token-exists"


@dataclass(frozen=True)
class BootstrapToken:
    """A token with its usages; `expires` is None for a token that never expires."""

    token_id: str
    secret: str = field(repr=False)
    expires: datetime | None = None
    usages: tuple[str, ...] = USAGES
    groups: tuple[str, ...] = (DEFAULT_GROUP,)
    description: str = ""

    @property
    def token(self) -> str:
        return f"{self.token_id}.{self.secret}"

    def as_dict(self) -> dict[str, Any]:
        """The token as `-o json` shows it, with kubeadm's keys."""
        return {
            "token": self.token,
            "description": self.description,
            "expires": rfc3339(self.expires) if self.expires else None,
            "usages": list(self.usages),
            "groups": list(self.groups),
        }


def split(token: str) -> tuple[str, str]:
    """ID and secret. Raises TokenFormError without the argument in its message, because it may be secret."""
    found = TOKEN.fullmatch(token)
    if found is None:
        raise TokenFormError(
            "invalid bootstrap token",
            hint="a token has the form abcdef.0123456789abcdef; create one with `edgeadm token generate`",
        )
    return found[1], found[2]


def id_of(word: str) -> str:
    """The ID of a token, or the ID itself. Raises TokenFormError."""
    if ID.fullmatch(word):
        return word
    if TOKEN.fullmatch(word):
        return word.partition(".")[0]
    raise TokenFormError(
        "neither a bootstrap token nor a token ID",
        hint="an ID is the six characters before the dot; see `edgeadm token list`",
    )


def lifetime(ttl: str) -> timedelta | None:
    """A duration such as 24h0m0s; None for 0, which means unlimited. Raises ConfigError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)", ttl)
    if "".join(number + unit for number, unit in parts) != ttl or not parts:
        if ttl == "0":
            return None
        raise ConfigError(
            f"--ttl: `{ttl}` is not a duration",
            hint="use a value such as 2h or 24h0m0s, or 0 for a token that never expires",
        )
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds else None


def check_usages(usages: Iterable[str], groups: Iterable[str]) -> None:
    """Raises ConfigError for a usage or a group that kubeadm would not take."""
    usages, groups = list(usages), list(groups)
    wrong = [each for each in usages if each not in USAGES]
    if wrong or not usages:
        raise ConfigError(
            f"--usages: `{','.join(wrong)}` is not one of {', '.join(USAGES)}"
            if wrong
            else "--usages: empty",
            hint="`--usages signing,authentication` is the default",
        )
    for group in groups:
        if not GROUP.fullmatch(group):
            raise ConfigError(
                f"--groups: `{group}` is not a group for bootstrap tokens",
                hint=f"the name must begin with system:bootstrappers:, such as {DEFAULT_GROUP}",
            )
    if groups and "authentication" not in usages:
        raise ConfigError(
            "--groups: groups require the usage `authentication`",
            hint="add `authentication` to `--usages`",
        )


def create(cluster: Cluster, token: BootstrapToken) -> None:
    """Create the token in the cluster. Raises TokenExistsError."""
    if cluster.get("v1", "Secret", PREFIX + token.token_id, NAMESPACE) is not None:
        raise TokenExistsError(
            f"token `{token.token_id}` already exists",
            hint="delete it with `edgeadm token delete`, or omit the token to generate a new one",
        )
    cluster.apply([to_secret(token)])


def every(cluster: Cluster) -> list[BootstrapToken]:
    """All tokens of the cluster; Secrets without a token's fields are ignored, as in kubeadm."""
    found = cluster.list_objects("v1", "Secret", NAMESPACE, f"type={TYPE}")
    return [token for token in map(from_secret, found) if token is not None]


def delete(cluster: Cluster, token_id: str) -> None:
    """Delete the token. Raises NoSuchTokenError."""
    if not cluster.delete("v1", "Secret", PREFIX + token_id, NAMESPACE):
        raise NoSuchTokenError(f"there is no token `{token_id}`", hint="see `edgeadm token list`")


def to_secret(token: BootstrapToken) -> dict[str, Any]:
    """The Secret that the API server's authenticator reads."""
    fields = {"token-id": token.token_id, "token-secret": token.secret}
    if token.description:
        fields["description"] = token.description
    if token.expires is not None:
        fields["expiration"] = rfc3339(token.expires)
    fields |= {f"usage-bootstrap-{usage}": "true" for usage in token.usages}
    if token.groups:
        fields["auth-extra-groups"] = ",".join(token.groups)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": PREFIX + token.token_id, "namespace": NAMESPACE},
        "type": TYPE,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in fields.items()},
    }


def from_secret(secret: Object) -> BootstrapToken | None:
    """The token of a Secret, or None if it is incomplete."""
    fields = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
    if not TOKEN.fullmatch(f"{fields.get('token-id', '')}.{fields.get('token-secret', '')}"):
        return None
    try:
        expires = datetime.fromisoformat(fields["expiration"]) if fields.get("expiration") else None
    except ValueError:
        return None
    return BootstrapToken(
        fields["token-id"],
        fields["token-secret"],
        expires,
        tuple(usage for usage in sorted(USAGES) if fields.get(f"usage-bootstrap-{usage}") == "true"),
        tuple(group for group in fields.get("auth-extra-groups", "").split(",") if group),
        fields.get("description", ""),
    )


def rfc3339(moment: datetime) -> str:
    """A time in the format of the Secret."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short(left: timedelta) -> str:
    """The remaining lifetime of a token, in kubectl's short form."""
    seconds = int(left.total_seconds())
    if seconds < 0:
        return "<invalid>"
    return next((f"{seconds // length}{unit}" for length, unit in LENGTHS if seconds >= length), "0s")
