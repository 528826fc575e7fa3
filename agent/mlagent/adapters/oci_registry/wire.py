"""Connections to one host, and to where it sends us: TLS, proxies, timeouts; plain HTTP only where it is allowed."""

import ssl
import threading
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import urllib3

from mlagent.adapters.oci_registry.refusals import Place
from mlagent.errors import ConfigError

CONNECT_SECONDS = 10.0
BLOCK = 1 << 20
CONNECTIONS = 8
MOST = 4 << 20  # of a body that is no piece, such as a manifest


Body = bytes | IO[bytes] | None


class Reply(NamedTuple):
    """An answer with a small body, read."""

    status: int
    headers: urllib3.HTTPHeaderDict
    data: bytes


def read(answer: urllib3.BaseHTTPResponse, most: int = MOST) -> Reply:
    """Its body, or the beginning of one that is too large; its connection is free again."""
    data = answer.read(most)
    if answer.read(1):
        answer.close()
    answer.release_conn()
    return Reply(answer.status, answer.headers, data)


class Wire:
    """Pools of connections, made when they are needed."""

    def __init__(self, place: Place, ca: Path | None) -> None:
        """Reach nothing yet."""
        self._place, self._ca = place, ca
        self._through: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, seconds: float
    ) -> urllib3.BaseHTTPResponse:
        """One request, one answer, whatever its status, its body not read yet; urllib3's errors."""
        return self._pools(url).request(
            method,
            url,
            headers={"User-Agent": "mlagent", **headers},
            body=body,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Close every connection."""
        for pools in self._through.values():
            pools.clear()

    def _pools(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        through = "" if _direct(parts) else urllib.request.getproxies().get(parts.scheme, "")
        kind = f"{parts.scheme} {through}"
        with self._lock:
            if kind not in self._through:
                tls = self._tls if "https" in (parts.scheme, urlsplit(through).scheme) else None
                self._through[kind] = _opened(through, tls)
            return self._through[kind]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca is not None:
            try:
                context.load_verify_locations(self._ca)
            except OSError as error:  # ssl.SSLError is one
                what = "holds no certificates in PEM" if isinstance(error, ssl.SSLError) else error.strerror
                raise ConfigError(
                    f"the file of {self._place.keys}ca, {self._ca}, cannot be used: {what}",
                    hint="it is a text with BEGIN CERTIFICATE; a relative path is meant from the project's folder",
                ) from error
        return context


def _direct(url: SplitResult) -> bool:
    host = url.hostname or ""
    loopback = host in ("localhost", "::1") or host.startswith("127.")
    return loopback or bool(urllib.request.proxy_bypass(url.netloc))


def _opened(through: str, tls: ssl.SSLContext | None) -> urllib3.PoolManager:
    if not through:
        return urllib3.PoolManager(maxsize=CONNECTIONS, blocksize=BLOCK, ssl_context=tls)
    parts = urlsplit(through)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    return urllib3.ProxyManager(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        maxsize=CONNECTIONS,
        blocksize=BLOCK,
        proxy_headers=urllib3.make_headers(proxy_basic_auth=login),
        ssl_context=tls,
    )
