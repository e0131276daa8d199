"""A real API server, through the official client."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client as api_client
from kubernetes import config as api_config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError, ResourceNotFoundError
from urllib3.exceptions import HTTPError

from edgeadm import yaml_text
from edgeadm.clock import CLOCK
from edgeadm.cluster.base import OWNER, Awaited, Object, Say, nobody
from edgeadm.cluster.conflicts import conflicts, without
from edgeadm.cluster.difference import described
from edgeadm.cluster.errors import ConflictError
from edgeadm.errors import ApiError, UnreachableError, WaitError

POLL = 0.3
CONFLICT = 409
PATIENCE = (5, 60)  # time-out in seconds to connect and to read: the client's default is none


@dataclass
class KubeCluster:
    """Uses the credentials of a kubeconfig. The discovery cache is private: the client's default is a file
    with a predictable name in the shared temporary directory, which root must not trust."""

    kubeconfig: bytes
    _client: Any = field(default=None, repr=False)
    _folder: Any = field(default=None, repr=False)

    def apply(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> int:
        changed = 0
        for obj in objects:
            with _named(obj):
                before = self._find(obj)
                after = self._send(obj, kept, force=force)
                changed += before != after
        return changed

    def differing(self, objects: Sequence[Object], kept: Say = nobody, *, force: bool = False) -> list[str]:
        found: list[str] = []
        for obj in objects:
            with _named(obj):
                before = self._find(obj)
                try:
                    after = self._send(obj, kept, force=force, dry_run="All")
                except (NotFoundError, ResourceNotFoundError):
                    after = {}  # its namespace or CRD is created by an earlier object
                if before != after:
                    found.append(described(label(obj), before, after))
        return found

    def get(self, api: str, kind: str, name: str, namespace: str = "") -> Object | None:
        with _named({"kind": kind, "metadata": {"name": name, "namespace": namespace}}):
            try:
                resource = self._resource(api, kind)
                found = self._api().get(resource, name=name, namespace=namespace or None)
            except (NotFoundError, ResourceNotFoundError):
                return None
            answer: Object = found.to_dict()
            return answer

    def list_objects(
        self, api: str, kind: str, namespace: str = "", selector: str = "", labels: str = ""
    ) -> list[Object]:
        with _named({"kind": kind, "metadata": {"name": "*", "namespace": namespace}}):
            try:
                resource = self._resource(api, kind)
            except ResourceNotFoundError:
                return []
            found = self._api().get(
                resource,
                namespace=namespace or None,
                field_selector=selector or None,
                label_selector=labels or None,
            )
            answer: list[Object] = found.to_dict()["items"]
            return answer

    def patch(self, obj: Object) -> None:
        meta = obj["metadata"]
        with _named(obj):
            self._api().patch(
                self._resource(obj["apiVersion"], obj["kind"]),
                body=dict(obj),
                name=meta["name"],
                namespace=meta.get("namespace"),
                content_type="application/merge-patch+json",
            )

    def delete(self, api: str, kind: str, name: str, namespace: str = "") -> bool:
        with _named({"kind": kind, "metadata": {"name": name, "namespace": namespace}}):
            try:
                # By default, the Pods of a deleted Job remain (pkg/registry/batch/job/strategy.go).
                options = {"body": {"propagationPolicy": "Background"}} if kind == "Job" else {}
                resource = self._resource(api, kind)
                self._api().delete(resource, name=name, namespace=namespace or None, **options)
            except NotFoundError:
                return False
            return True

    def create(self, obj: Object) -> Object:
        with _named(obj):
            namespace = obj["metadata"].get("namespace")
            made: Object = (
                self._api()
                .create(self._resource(obj["apiVersion"], obj["kind"]), body=dict(obj), namespace=namespace)
                .to_dict()
            )
            return made

    def replace(self, obj: Object, *, status: bool = False) -> Object:
        meta = obj["metadata"]
        with _named(obj):
            resource = self._resource(obj["apiVersion"], obj["kind"])
            made: Object = (
                self._api()
                .replace(
                    resource.subresources["status"] if status else resource,
                    body=dict(obj),
                    name=meta["name"],
                    namespace=meta.get("namespace"),
                )
                .to_dict()
            )
            return made

    def wait(self, awaited: Awaited) -> None:
        last: Object | None = None
        problem = ""

        def fits() -> bool:
            nonlocal last, problem
            try:
                last = self.get(awaited.api, awaited.kind, awaited.name, awaited.namespace)
                problem = ""
            except (ApiError, UnreachableError) as error:
                problem = error.message  # a restarting API server does not end the wait
            return last is not None and not problem and awaited.fits(last)

        if CLOCK.poll(fits, awaited.seconds, POLL):
            return
        state = problem or yaml.safe_dump((last or {}).get("status", "it does not exist"))
        raise WaitError(
            f"{awaited.what}: not after {awaited.seconds:g} s",
            context=state[-2000:],
            hint="see `kubectl get pods -A` and `kubectl describe` of the objects that are not ready",
        )

    def log(self, namespace: str, pod: str) -> str:
        with _named({"kind": "log of Pod", "metadata": {"name": pod, "namespace": namespace}}):
            core = api_client.CoreV1Api(self._api().client)
            answer: str = core.read_namespaced_pod_log(pod, namespace, tail_lines=1)
            return answer

    def ready(self) -> bool:
        try:
            self._api().request("GET", "/readyz", serialize=False)
        except (ApiException, DynamicApiError, HTTPError, UnreachableError, OSError):
            return False
        return True

    def version(self) -> str:
        with _named({"kind": "version"}):
            return str(self._api().version["kubernetes"]["gitVersion"])

    def _find(self, obj: Object) -> dict[str, Any] | None:
        meta = obj["metadata"]
        found = self.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))
        return None if found is None else _comparable(dict(found))

    def _send(self, obj: Object, kept: Say, *, force: bool, **options: Any) -> dict[str, Any]:
        """Apply the object; fields of other managers are omitted and kept, unless `force` is set."""
        if force:
            return self._apply(obj, force_conflicts=True, **options)
        try:
            return self._apply(obj, **options)
        except (ApiException, DynamicApiError) as refused:
            found = conflicts(refused.body or "") if refused.status == CONFLICT else []
            if not found:
                raise
        for field_path, manager in found:
            kept(f"{label(obj)} {field_path.lstrip('.')} ({manager})")
        return self._apply(without(obj, [each for each, _ in found]), **options)

    def _apply(self, obj: Object, **options: Any) -> dict[str, Any]:
        resource = self._resource(obj["apiVersion"], obj["kind"])
        answer = self._api().server_side_apply(
            resource,
            body=dict(obj),
            name=obj["metadata"]["name"],
            namespace=obj["metadata"].get("namespace"),
            field_manager=OWNER,
            **options,
        )
        return _comparable(answer.to_dict())

    def _resource(self, api: str, kind: str) -> Any:
        return self._api().resources.get(api_version=api, kind=kind)

    def _api(self) -> Any:
        if self._client is None:
            self._folder = tempfile.TemporaryDirectory(prefix="edgeadm-api-")
            opener: Any = api_config.new_client_from_config_dict
            try:
                loaded = opener(yaml_text.load(self.kubeconfig))
            except (api_config.ConfigException, yaml.YAMLError) as error:
                raise UnreachableError(
                    "the kubeconfig is not usable", context=str(error), hint="check that the file is complete"
                ) from error
            _bound(loaded.rest_client)
            try:
                dynamic: Any = DynamicClient
                self._client = dynamic(loaded, cache_file=str(Path(self._folder.name) / "discovery"))
            except (HTTPError, OSError) as error:
                raise _unreachable(loaded, error) from error
        return self._client


@contextmanager
def _named(obj: Object) -> Iterator[None]:
    """Converts the client's exceptions to ours, with the object's name."""
    try:
        yield
    except (NotFoundError, ResourceNotFoundError):
        raise
    except (ApiException, DynamicApiError) as error:
        kind = ConflictError if error.status == CONFLICT else ApiError
        raise kind(
            f"{label(obj)}: the API server answered {error.status} {error.reason}",
            context=str(error.body or "")[:2000],
        ) from error
    except (HTTPError, OSError) as error:
        raise UnreachableError(f"{label(obj)}: {error}", hint="is the API server running?") from error


def label(obj: Object) -> str:
    """`Kind/namespace/name`, without the namespace if there is none."""
    meta = obj.get("metadata", {})
    return "/".join(part for part in (obj.get("kind"), meta.get("namespace"), meta.get("name")) if part)


def _comparable(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without fields that the API server maintains."""
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key in ("labels", "annotations")}
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")} | {
        "metadata": meta
    }


def _bound(rest: Any) -> None:
    """Sets a time-out for all requests."""
    request = rest.request

    def bounded(*args: Any, **options: Any) -> Any:
        options["_request_timeout"] = options.get("_request_timeout") or PATIENCE
        return request(*args, **options)

    rest.request = bounded


def _unreachable(loaded: api_client.ApiClient, error: Exception) -> UnreachableError:
    return UnreachableError(
        f"the API server at {loaded.configuration.host} does not respond",
        context=str(error)[:500],
        hint="check that it is running, and that the kubeconfig is this cluster's",
    )
