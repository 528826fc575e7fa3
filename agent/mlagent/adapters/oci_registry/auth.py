"""How a registry is told who asks: by a password, or by tokens that are fetched for a scope and expire."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from mlagent.adapters.oci_registry.challenge import Challenge, chosen
from mlagent.adapters.oci_registry.login import Login
from mlagent.adapters.oci_registry.refusals import No, NotAllowed, Place, by_status, not_allowed, strange
from mlagent.adapters.oci_registry.wire import Reply
from mlagent.errors import ConfigError

CLIENT = "mlagent"
LIFE_SECONDS = 60  # of a token that does not say, by the specification
EARLY_SECONDS = 10  # before it expires a token is fetched anew
Scope = frozenset[str]
"""What is to be allowed, such as `repository:acme/risk:pull,push`."""


class Token(NamedTuple):
    """A bearer token, and when it is too old by the monotonic clock."""

    text: str
    until: float

    def __repr__(self) -> str:
        """Not the token."""
        return f"Token(until={self.until})"


class Auth:
    """Learns from the first refusal what is wanted, and says it by itself from then on; may be shared by threads."""

    def __init__(
        self, place: Place, login: Login, fetch: Callable[..., Reply], plain: Callable[[], bool] = lambda: False
    ) -> None:
        """`fetch(method, url, headers, body)` asks who gives tokens; `plain`: is the registry spoken to without TLS?"""
        self._place, self._login, self._fetch, self._plain = place, login, fetch, plain
        self._wanted: Challenge | None = None
        self._tokens: dict[Scope, Token] = {}
        self._lock = threading.Lock()

    def header(self, scope: Scope) -> str:
        """The header for a request, by what is known; empty where nothing is wanted yet."""
        if self._login.bearer:
            return f"Bearer {self._login.bearer}"
        if self._wanted is None:
            return ""
        return self._login.basic if self._wanted.scheme == "basic" else f"Bearer {self._token(scope)}"

    def refused(self, said: str, challenges: Sequence[str], text: str) -> None:
        """Learn from an answer 401 to a request with the header `said`; ConfigError (3) where nothing else is known."""
        wanted = chosen(challenges)
        if said and (self._login.bearer or wanted is None or wanted.scheme == "basic"):
            raise not_allowed(self._place, text)
        if wanted is None:
            raise NotAllowed(
                self._place.masked(f"{text}; its login ({', '.join(challenges) or 'it names none'}) is not known here"),
                hint="is a proxy with a login of its own before the registry?",
            )
        if wanted.scheme == "basic" and not self._login.basic:
            raise not_allowed(self._place, text)
        with self._lock:  # a token that was good until now may have been withdrawn
            self._tokens = {one: token for one, token in self._tokens.items() if f"Bearer {token.text}" != said}
        self._wanted = wanted

    def _token(self, scope: Scope) -> str:
        with self._lock:
            now = time.monotonic()
            known = (token for one, token in self._tokens.items() if scope <= one and token.until > now)
            token = next(known, None)
            if token is None:
                token = self._tokens[scope] = self._fetched(scope, now)
            return token.text

    def _fetched(self, scope: Scope, now: float) -> Token:
        parameters = self._wanted.parameters if self._wanted else {}
        realm = self._checked(parameters.get("realm", ""))
        asked = [(key, parameters[key]) for key in ("service",) if key in parameters]
        asked += [("scope", one) for one in sorted(scope) or [parameters.get("scope", "")] if one]
        answer = self._exchange(realm, asked) if self._login.identity else self._ask(realm, asked)
        if answer.status in (400, 401, 403):
            what = f"a request for a token ({urlsplit(realm).netloc})"
            raise not_allowed(self._place, f"{self._place.host} answered {answer.status} to {what}")
        if answer.status != 200:
            raise by_status(self._place, No("a request for a token", answer.status, answer.data))
        return self._read(answer.data, now)

    def _checked(self, realm: str) -> str:
        """A password goes to no server that speaks plain HTTP, unless the registry itself is spoken to so."""
        parts = urlsplit(realm)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise strange(self._place, f"it gives its tokens at {realm!r}")
        if parts.scheme == "http" and not self._plain():
            raise ConfigError(
                f"{self._place.host} gives its tokens at {parts.netloc} over plain HTTP; nothing was sent there",
                hint=f"{self._place.keys}plain_http: true would allow it",
            )
        return realm

    def _ask(self, realm: str, asked: list[tuple[str, str]]) -> Reply:
        headers = {"Authorization": self._login.basic} if self._login.basic else {}
        more = [("account", self._login.username)] if self._login.basic else []
        mark = "&" if urlsplit(realm).query else "?"
        return self._fetch("GET", f"{realm}{mark}{urlencode([*asked, *more])}", headers, None)

    def _exchange(self, realm: str, asked: list[tuple[str, str]]) -> Reply:
        scopes = " ".join(value for key, value in asked if key == "scope")
        fields = {key: value for key, value in asked if key == "service"} | {"scope": scopes, "client_id": CLIENT}
        fields |= {"grant_type": "refresh_token", "refresh_token": self._login.identity}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._fetch("POST", realm, headers, urlencode(fields).encode())

    def _read(self, data: bytes, now: float) -> Token:
        try:
            answer: Mapping[str, object] = json.loads(data)
            text = answer.get("token") or answer["access_token"]
            life = float(str(answer.get("expires_in") or LIFE_SECONDS))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise strange(self._place, "its answer to a request for a token is no JSON with a token") from None
        return Token(str(text), now + max(life - EARLY_SECONDS, EARLY_SECONDS))
