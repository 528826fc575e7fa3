"""Requests to one API server, with time limits; what goes wrong is an error of the tree."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import msgspec
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.resource import Resource
from urllib3.exceptions import HTTPError

from mlagent.adapters.kube import refusals
from mlagent.adapters.kube.kinds import Kinds
from mlagent.adapters.kube.login import Login
from mlagent.adapters.kube.refusals import Tried
from mlagent.adapters.kube.rights import Rights
from mlagent.core.ports.cluster import Kind

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
ADMISSION_SECONDS = 30.0  # of a write: the cluster's own rules may take their time
DISCOVERY = Tried("get", "what it serves")

Shape = TypeVar("Shape")


class No(NamedTuple):
    """An answer that says no."""

    status: int
    body: bytes | str | None
    headers: Any


class Refused(Exception):
    """The API server answered no; whoever asked decides what that means, else it becomes an error of the tree."""

    def __init__(self, no: No) -> None:
        super().__init__(no.status)
        self.no = no


class Link:
    """Nothing is reached before the first question; may be shared by threads."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self.place = login.place
        self._lock = threading.Lock()
        self._rights = Rights(login.place, lambda path: self._request("get", path).data)

    def close(self) -> None:
        """Close its connections, and forget certificates and keys."""
        if "_dynamic" in self.__dict__:
            self._dynamic.client.rest_client.close()
        self._login.kept.close()

    def find(self, kind: Kind, tried: Tried) -> Resource | None:
        """Where a kind is kept; None where it is not served."""
        with self._errors(tried), self._lock:
            try:
                found: Resource | None = self._rights.ask(DISCOVERY, lambda: self._kinds.find(kind))
            except (msgspec.MsgspecError, LookupError, TypeError):
                raise refusals.strange(self.place, f"its list of {kind.api} is none") from None
        return found

    def send(
        self,
        method: str,
        path: str,
        tried: Tried,
        *,
        borne: Callable[[No], bool] = lambda _: False,
        seconds: float | None = None,
        **more: Any,  # noqa: ANN401 - the dynamic client's
    ) -> Any:  # noqa: ANN401 - urllib3's answer
        """The answer, its body not read yet; Refused for a no that is `borne`."""
        with self._errors(tried, borne):
            return self._rights.ask(tried, lambda: self._request(method, path, seconds or READ_SECONDS, **more))

    def json(self, method: str, path: str, tried: Tried, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """The same, read as an object."""
        return self.read(dict[str, Any], method, path, tried, **more)

    def read(self, shape: type[Shape], method: str, path: str, tried: Tried, **more: Any) -> Shape:  # noqa: ANN401
        """The same, which has this shape where an API server answers."""
        answer = self.send(method, path, tried, **more)
        with self._errors(tried):
            body = answer.data
        try:
            return msgspec.json.decode(body, type=shape)
        except (msgspec.MsgspecError, UnicodeError):
            raise refusals.strange(self.place, f"its answer to {tried} is none") from None

    def _request(self, method: str, path: str, seconds: float = READ_SECONDS, **more: Any) -> Any:  # noqa: ANN401
        timeout = (CONNECT_SECONDS, seconds)
        return self._dynamic.request(method, path, serialize=False, _request_timeout=timeout, **more)

    @contextmanager
    def _errors(self, tried: Tried, borne: Callable[[No], bool] = lambda _: False) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            if not error.status:
                raise refusals.unreached(self.place, tried, error) from None
            no = No(error.status, error.body, error.headers)
            if borne(no):
                raise Refused(no) from None
            raise refusals.by_status(self.place, tried, no.status, no.body) from None
        except (HTTPError, OSError) as error:
            raise refusals.unreached(self.place, tried, error) from None

    @cached_property
    def _dynamic(self) -> DynamicClient:
        client = ApiClient(self._login.configuration)
        client.user_agent = "mlagent"
        return DynamicClient(client, discoverer=Kinds)

    @property
    def _kinds(self) -> Kinds:
        found: Kinds = self._dynamic.resources
        return found
