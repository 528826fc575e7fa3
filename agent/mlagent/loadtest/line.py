"""One user's connection to one target, kept as long as it holds: geventhttpclient's, with nothing in between.

It follows no redirect, keeps no cookie, undoes no compression (none is asked for), reads no proxy from the environment,
and never sends a request twice. Belongs to Locust's room: it works only where gevent has patched the process.
"""

from typing import NamedTuple

import gevent
import gevent.ssl
from geventhttpclient import URL, HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from mlagent.loadtest.course import Judge


class Answer(NamedTuple):
    """What came of a request: `status` 0 and no body where no whole answer came in time, and why."""

    status: int = 0
    body: bytes = b""
    error: Exception | None = None


class Line:
    """To the target of a judge."""

    def __init__(self, judge: Judge, patience: float) -> None:
        """Connects with the first request; each may take `patience` seconds, from being sent to its whole answer."""
        self._url, self._headers, self._patience = URL(judge.target.url), judge.headers, patience
        self._client = self._opened()

    def post(self, body: bytes) -> Answer:
        """Ask, and read the answer whole: a status is no proof, for its body may break off."""
        late = TimeoutError(f"no answer within {self._patience:g} s")
        try:
            with gevent.Timeout(self._patience, late):
                answer = self._client.request("POST", self._url.request_uri, body=body, headers=self._headers)
                return Answer(answer.status_code, bytes(answer.read()))
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            self._renew()
            return Answer(error=error)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _renew(self) -> None:
        """Take another connection next time: on this one a late answer might come in between."""
        self._client.close()
        self._client = self._opened()

    def _opened(self) -> HTTPClient:
        return HTTPClient.from_url(
            self._url,
            concurrency=1,
            connection_timeout=self._patience,
            network_timeout=self._patience,
            ssl_context_factory=gevent.ssl.create_default_context,
        )
