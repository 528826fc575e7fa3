"""A conversation with one registry: who asks is said when it is wanted, and to nobody to whom it sends us on."""

import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions as http

from mlagent.adapters.oci_registry import patience
from mlagent.adapters.oci_registry.auth import Auth, Scope
from mlagent.adapters.oci_registry.login import Login
from mlagent.adapters.oci_registry.refusals import Away, No, Place, by_status, missing, not_allowed, strange, unreached
from mlagent.adapters.oci_registry.wire import Body, Reply, Wire, read
from mlagent.core import interrupt
from mlagent.core.oci import HUB
from mlagent.errors import MlagentError

T = TypeVar("T")
READ_SECONDS = 60.0
REDIRECTS = {301, 302, 303, 307, 308}
HUB_HOST = "registry-1.docker.io"
MANY = 5


class Link:
    """One host. `plain` speaks HTTP to it; `unsure` as well, until an answer shows that it wants TLS."""

    def __init__(
        self,
        place: Place,
        login: Login,
        *,
        ca: Path | None = None,
        plain: bool = False,
        unsure: bool = False,
        pause: patience.Pause = patience.sleep,
        notice: patience.Notice = lambda _: None,
    ) -> None:
        """Reach nothing yet."""
        self.place, self._plain, self._unsure = place, plain or unsure, unsure
        self._host = HUB_HOST if place.host == HUB else place.host
        self._pause, self._notice, self._answered = pause, notice, False
        self._wire = Wire(place, ca)
        self._auth = Auth(place, login, self._fetch, lambda: self._plain)

    def close(self) -> None:
        """Close its connections."""
        self._wire.close()

    def patience(self) -> patience.Patience:
        """For one piece of work: less of it while the registry has never answered."""
        return patience.Patience(
            lambda: patience.SECONDS if self._answered else patience.FIRST_SECONDS, self._pause, self._notice
        )

    def patiently(self, call: Callable[[], T]) -> T:
        """Call again while the registry is away: for what may be done twice."""
        left = self.patience()
        while True:
            try:
                return call()
            except Away as away:
                left.after(away)

    def ask(
        self,
        method: str,
        target: str,
        scope: Scope,
        fine: Collection[int] = (200,),
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        seconds: float = READ_SECONDS,
    ) -> Reply:
        """One request with a small answer; `target` is a path, or a URL that the registry gave.

        A status that is not `fine` is an error.
        """
        with self._reaching(target):
            answer = read(self._authorised(method, target, scope, headers or {}, body, seconds))
        if answer.status not in fine:
            raise by_status(self.place, _no(method, target, answer))
        return answer

    @contextmanager
    def stream(self, target: str, scope: Scope, headers: Mapping[str, str]) -> Iterator[urllib3.BaseHTTPResponse]:
        """A GET whose body is read in the block, 200 or 206; its errors there are those of the tree as well."""
        with self._reaching(target):
            answer = self._authorised("GET", target, scope, headers, None, READ_SECONDS)
            try:
                if answer.status == 404:
                    raise missing(self.place, target)
                if answer.status not in (200, 206):
                    raise by_status(self.place, _no("GET", target, read(answer)))
                yield answer
            finally:
                answer.close()

    def url(self, target: str) -> str:
        """Where a path is; a URL on the registry's own host is asked as all else is, with TLS or without."""
        mine = f"{'http' if self._plain else 'https'}://{self._host}"
        parts = urlsplit(target)
        if not parts.scheme:
            return mine + target
        return target if parts.netloc != self._host else mine + target.partition(parts.netloc)[2]

    def _authorised(
        self, method: str, target: str, scope: Scope, headers: Mapping[str, str], body: Body, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        text = f"{self.place.host} answered 401 to {method} {urlsplit(target).path}"
        for _ in range(3):  # without a login, with one, with a new token
            ours = urlsplit(self.url(target)).netloc == self._host
            said = self._auth.header(scope) if ours else ""
            more = {"Authorization": said} if said else {}
            answer = self._followed(method, target, {**headers, **more}, body, seconds)
            self._answered = True
            if answer.status != 401 or not ours:
                return answer
            self._auth.refused(said, read(answer).headers.getlist("WWW-Authenticate"), self.place.masked(text))
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
        raise not_allowed(self.place, text)

    def _followed(
        self, method: str, target: str, headers: Mapping[str, str], body: Body, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """Redirects of what only reads; who asks is told to no other host, and nothing goes from TLS to plain HTTP."""
        for _ in range(MANY):
            answer = self._sent(method, target, headers, body, seconds)
            if answer.status not in REDIRECTS or method not in ("GET", "HEAD"):
                return answer
            before, target = self.url(target), urljoin(self.url(target), answer.headers.get("Location", ""))
            read(answer)
            if urlsplit(self.url(target)).scheme != "https" and not self._plain:
                raise strange(self.place, f"it sends us on over plain HTTP, to {urlsplit(target).netloc}")
            if urlsplit(target).netloc != urlsplit(before).netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise strange(self.place, f"it sends us from place to place, last to {urlsplit(target).netloc}")

    def _sent(
        self, method: str, target: str, headers: Mapping[str, str], body: Body, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        if self._unsure:
            self._unsure, self._plain = False, not self._wants_tls()
        return self._wire.send(method, self.url(target), headers, body, seconds)

    def _wants_tls(self) -> bool:
        """Whether what is on this machine does not speak plain HTTP; nothing but `/v2/` is asked for."""
        try:
            answer = read(self._wire.send("GET", f"http://{self._host}/v2/", {}, None, READ_SECONDS))
        except http.ProtocolError:
            if not self._speaks_tls():
                raise
            return True
        return answer.status == 400 and b"https" in answer.data.lower()

    def _speaks_tls(self) -> bool:
        try:
            read(self._wire.send("GET", f"https://{self._host}/v2/", {}, None, READ_SECONDS))
        except http.SSLError as error:  # one whose certificate is not trusted does
            return isinstance(error.args[0], ssl.SSLCertVerificationError)
        except http.HTTPError:
            return False
        return True

    def _fetch(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        with self._reaching(url):
            return read(self._wire.send(method, url, headers, body, READ_SECONDS))

    @contextmanager
    def _reaching(self, target: str) -> Iterator[None]:
        interrupt.check()
        try:
            yield
        except (http.HTTPError, UnicodeError) as error:
            raise self._unreached(target, error) from error

    def _unreached(self, target: str, error: Exception) -> MlagentError:
        parts = urlsplit(self.url(target))
        place = self.place if parts.netloc == self._host else self.place._replace(host=parts.netloc)
        return unreached(place, error, tls=parts.scheme == "https")


def _no(method: str, target: str, answer: Reply) -> No:
    wait = answer.headers.get("Retry-After", "")
    return No(f"{method} {urlsplit(target).path}", answer.status, answer.data, float(wait) if wait.isdigit() else 0.0)
