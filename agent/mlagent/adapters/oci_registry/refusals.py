"""What a registry's no means, in words: which key of the configuration to look at, and never a secret."""

import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from urllib3 import exceptions as http

from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, PolicyRefused

LONGEST = 300
MASK = "[secret]"
WORTH_MASKING = 4


class Away(InfrastructureError):
    """The registry does not answer, or says that it cannot now: it may be back in so many `seconds`."""

    def __init__(self, message: str, *, hint: str = "", seconds: float = 0.0) -> None:
        """Keep how long it wants to be left alone."""
        super().__init__(message, hint=hint or "is the registry up? the same command goes on where it stopped")
        self.seconds = seconds


class NotAllowed(ConfigError):
    """It does not know who asks, or does not take what was said of that."""


class Damaged(InputError):
    """What it gave is not what its digest says."""


class Place(NamedTuple):
    """A registry as errors name it: its host, what keys about it begin with, who asks, and what must not be shown.

    `named` is the key that says where it is.
    """

    host: str
    keys: str = "registry."
    named: str = "registry.repository"
    who: str = ""
    secrets: frozenset[str] = frozenset()

    @property
    def anonymous(self) -> bool:
        """Whether no credentials are sent."""
        return self.who.startswith("nobody")

    def __repr__(self) -> str:
        """Not the secrets: tracebacks show it."""
        return f"Place({self.host!r})"

    def masked(self, text: str) -> str:
        """One line of a text, not too long, without secrets."""
        for secret in sorted((one for one in self.secrets if len(one) >= WORTH_MASKING), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return " ".join(text.split())[:LONGEST]


class No(NamedTuple):
    """An answer that says no: what was asked, its status, its body's beginning, how long it wants to be left alone."""

    what: str
    status: int
    body: bytes = b""
    seconds: float = 0.0


def by_status(place: Place, no: No) -> MlagentError:
    """The error of the tree for an answer; what the registry says of it is quoted."""
    said = reason(no.body)
    text = place.masked(f"{place.host} answered {no.status} to {no.what}{f': {said}' if said else ''}")
    if no.status == 401:
        return not_allowed(place, text)
    if no.status == 507 or "quota" in said.lower():
        return InfrastructureError(text, hint="the registry has no room left: remove old images, or ask for more")
    if no.status == 429 or (no.status >= 500 and no.status != 501):
        return Away(text, seconds=no.seconds)
    if no.status < 400:
        return strange(place, f"it answered {no.status} to {no.what}")
    kind, hint = _MEANINGS.get(no.status, _OTHER)
    return kind(text + (_who(place) if no.status == 403 else ""), hint=hint.replace("NAMED", place.named))


_OTHER: tuple[type[MlagentError], str] = (InputError, "the registry does not take this; its own log says more")
_MEANINGS: dict[int, tuple[type[MlagentError], str]] = {
    403: (PolicyRefused, "ask whoever keeps the registry for the right to it, or name another in NAMED"),
    404: (
        ConfigError,
        "is NAMED right? some registries (ECR, Harbor) want it, or its project, made first",
    ),
    405: (ConfigError, "the registry is read-only, or this is switched off in it (storage.delete.enabled)"),
    413: (ConfigError, "a proxy before it takes no body of this size: raise its limit (nginx: client_max_body_size)"),
}


def not_allowed(place: Place, text: str) -> NotAllowed:
    """It asks who is there: nobody, or somebody it does not believe."""
    if place.anonymous:
        hint = f"set {place.keys}username and {place.keys}password (env:NAME or file:PATH), or log in with docker login"
        return NotAllowed(f"{text}: it wants to know who asks{_who(place)}", hint=hint)
    return NotAllowed(
        f"{text}: it does not take the credentials of {place.who}",
        hint="are they whole, of this registry, and not expired?",
    )


def _who(place: Place) -> str:
    return f"; it was asked by {place.who}" if place.anonymous else f"; {place.who} may not do this"


def unreached(place: Place, error: Exception, *, tls: bool) -> MlagentError:
    """The error of the tree where there was no answer at all."""
    chain = list(_chain(error))
    said = place.masked(str(chain[-1]) or type(chain[-1]).__name__)
    untrusted = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return ConfigError(
            f"the certificate of {place.host} is not trusted here: {place.masked(untrusted.verify_message)}",
            hint=f"name your own authority's certificates (a PEM file) in {place.keys}ca",
        )
    if any(isinstance(one, ssl.SSLError) for one in chain) and _speaks_plain(said):
        return ConfigError(
            f"{place.host} does not speak TLS: {said}",
            hint=f"{place.keys}plain_http: true speaks plain HTTP to it, which anybody on the way can read and change",
        )
    if any(isinstance(one, http.NameResolutionError) for one in chain):
        return Away(
            f"the name {place.host} is not known here: {said}", hint=f"is {place.named} spelled right, is DNS up?"
        )
    if any(isinstance(one, http.LocationParseError | UnicodeError) for one in chain):
        return ConfigError(f"{place.host} is no name of a host", hint="a repository is host[:port]/path")
    return Away(f"the registry {place.host} does not answer{' over TLS' if tls else ''}: {said}")


def damaged(place: Place, path: str, expected: str, found: str) -> Damaged:
    """Its bytes are not those that their digest names."""
    return Damaged(
        f"{place.host} gave for {path}@{expected} bytes with the digest {found}",
        hint="the registry's storage, or a proxy before it, is at fault: nothing of it is used; tell who keeps it",
    )


def missing(place: Place, target: str) -> InputError:
    """A manifest names a piece that is not there."""
    return InputError(
        f"{place.host} does not have {target}", hint=f"was it deleted there? name another image in {place.named}"
    )


def strange(place: Place, what: str) -> InputError:
    """It answers, but not as a registry does."""
    return InputError(
        f"what answers at {place.host} does not speak as a registry does: {place.masked(what)}",
        hint="is the host right? a login page or a proxy may answer in its place",
    )


def reason(body: bytes) -> str:
    """What the registry says itself: the first of its errors."""
    with suppress(ValueError, LookupError, TypeError, AttributeError):
        first = json.loads(body)["errors"][0]
        return ": ".join(str(one) for one in (first.get("code"), first.get("message")) if one)
    return ""


def _speaks_plain(said: str) -> bool:
    return any(one in said.lower() for one in ("wrong version number", "record layer failure", "http request"))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        within = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = (
            getattr(error, "reason", None)
            if isinstance(getattr(error, "reason", None), BaseException)
            else within or error.__cause__
        )
