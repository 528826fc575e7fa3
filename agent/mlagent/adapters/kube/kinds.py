"""Where the API server keeps which kind: asked once for each version of a group, kept in memory alone."""

from typing import Any

import msgspec
from kubernetes.dynamic.exceptions import NotFoundError
from kubernetes.dynamic.resource import Resource

from mlagent.core.ports.cluster import Kind

ALWAYS = ("v1", "apps/v1")  # every API server serves them: who does not is none


class Kinds:
    """In the place of the library's own discovery, which asks for all groups, and keeps them where all may write."""

    def __init__(self, client: Any, _cache_file: str | None = None) -> None:  # noqa: ANN401 - a DynamicClient
        self._client = client
        self._known: dict[str, dict[str, Resource]] = {}

    def find(self, kind: Kind) -> Resource | None:
        """None where the server does not serve it; that is asked anew each time."""
        known = self._known.get(kind.api)
        if known is None or kind.name not in known:
            known = self._known[kind.api] = self._of(kind.api)
        return known.get(kind.name)

    def _of(self, api: str) -> dict[str, Resource]:
        group, _, version = api.rpartition("/")
        prefix = "apis" if group else "api"
        try:
            answer = self._client.request("get", f"/{prefix}/{api}", serialize=False, _request_timeout=(5, 10))
        except NotFoundError:
            if api in ALWAYS:
                raise LookupError(api) from None
            return {}
        listed = msgspec.json.decode(answer.data)["resources"]
        return {
            one["kind"]: Resource(
                prefix=prefix,
                group=group,
                api_version=version,
                kind=one["kind"],
                name=one["name"],
                namespaced=one["namespaced"],
                client=self._client,
            )
            for one in listed
            if "/" not in one["name"]
        }
