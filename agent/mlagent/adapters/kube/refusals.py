"""What a no of the API server means, in words: who was refused what, and which key of the configuration to look at."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from urllib3 import exceptions as http

from mlagent.core.ports.cluster import FieldConflict
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError

LONGEST = 600
MASK = "[secret]"
WORTH_MASKING = 4
TYPED = "failed to create typed patch object"  # a field that is unknown, or of another type: 500 on old servers
AGAIN = "is it up, and reachable from here? the same command goes on where it stopped"
MAY_NOT = " cannot "  # the words of its rights; an admission controller has others
ROLE = "`mlagent manifests rbac` prints the role that is needed: give it to the account, or name another in "


class Silent(InfrastructureError):
    """It took the question, and gave no answer in time."""


class Place(NamedTuple):
    """An API server as errors name it: host, context of the kubeconfig, where that was read, what keys begin with."""

    host: str
    context: str
    origin: str
    keys: str = "staging."
    secrets: Callable[[], frozenset[str]] = frozenset

    def __repr__(self) -> str:
        """Not the secrets: tracebacks show it."""
        return f"Place({self.host!r})"

    def __str__(self) -> str:
        """Host and context."""
        return f"the API server {self.host}{f' (context {self.context})' if self.context else ''}"

    def masked(self, text: str) -> str:
        """One line of a text, not too long, without secrets."""
        for secret in sorted((one for one in self.secrets() if len(one) >= WORTH_MASKING), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return " ".join(text.split())[:LONGEST]


class Tried(NamedTuple):
    """What was asked of it: `Tried("patch", "deployments", "risk", "shop")`."""

    verb: str
    resource: str
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """As a person would say it."""
        name = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{name}{f' in namespace {self.namespace}' if self.namespace else ''}"


class Cause(msgspec.Struct, frozen=True):
    """One of the reasons of a no, about one field."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True):
    """What a no is about."""

    kind: str = ""
    name: str = ""
    causes: tuple[Cause, ...] | None = None


class Status(msgspec.Struct, frozen=True):
    """How the API server says no."""

    kind: str
    message: str = ""
    reason: str = ""
    code: int = 0
    details: Details | None = None

    @property
    def causes(self) -> Sequence[Cause]:
        """Its reasons."""
        return (self.details.causes if self.details else None) or ()


def status(body: bytes | str | None) -> Status | None:
    """The API server's own no; None where somebody else speaks."""
    try:
        found = msgspec.json.decode(body or b"", type=Status)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return found if found.kind == "Status" else None


def by_status(place: Place, tried: Tried, code: int, body: bytes | str | None) -> MlagentError:
    """The error of the tree for an answer that says no."""
    said = status(body)
    if said is None and (code in (401, 403) or code < 500):
        return strange(place, f"it answered {code} to {tried}")
    words = place.masked(said.message if said else "")
    text = f"{place} answered {code} to {tried}{f': {words}' if words else ''}"
    if code == 401:
        return ConfigError(
            f"{place} does not take the credentials of {place.origin}{f': {words}' if words else ''}",
            hint=f"has the token expired? get a new kubeconfig, or name another in {place.keys}kubeconfig",
        )
    if code == 403:
        return _forbidden(place, tried, words)
    if code == 409:
        return _conflict(place, tried, said, text)
    if (code == 429 or code >= 500) and TYPED not in words:
        return InfrastructureError(
            text, hint="it has too much to do, or a part of it is down; the same command goes on"
        )
    return _refused(place, said, code, text)


def _forbidden(place: Place, tried: Tried, words: str) -> MlagentError:
    if "system:anonymous" in words:
        return ConfigError(
            f"{place} sees nobody in the credentials of {place.origin}: {words}",
            hint=f"does the context have a user? name another in {place.keys}context",
        )
    if MAY_NOT in words:
        return ConfigError(f"{place} does not let us {tried}: {words}", hint=f"{ROLE}{place.keys}kubeconfig")
    return ConfigError(
        f"{place} refuses to {tried}: {words}",
        hint="a quota or a rule of the cluster says no, not a missing right: ask whoever keeps the cluster",
    )


def _conflict(place: Place, tried: Tried, said: Status | None, text: str) -> MlagentError:
    found = [one for one in (said.causes if said else ()) if one.reason == "FieldManagerConflict"]
    if not found:
        return InfrastructureError(text, hint="somebody wrote at the same moment; the same command goes on")
    named = "; ".join(f"{one.field.removeprefix('.')}: {place.masked(one.message)}" for one in found)
    return FieldConflict(
        f"somebody else set what we are to set on {tried.resource} {tried.name}: {named}",
        hint="if that was by hand, take it back there or put it into mlpipeline.yaml; two tools must not set one field",
    )


def _refused(place: Place, said: Status | None, code: int, text: str) -> MlagentError:
    about = said.details if said else None
    if code == 404 and about and about.kind == "namespaces":
        hint = f"`kubectl create namespace {about.name}`, or name another in {place.keys}namespace"
        return ConfigError(f"the namespace {about.name} is not there, on {place}", hint=hint)
    if code == 415:
        return ConfigError(f"{text}: it does not know server-side apply", hint="Kubernetes 1.18 or newer is needed")
    causes = [one for one in (said.causes if said else ()) if one.field and one.field not in text]
    more = "; ".join(f"{one.field}: {place.masked(one.message)}" for one in causes)
    return InputError(
        f"{text} ({more})" if more else text,
        hint=f"which key of {place.keys.removesuffix('.')}: in mlpipeline.yaml gave this? correct it there",
    )


def unserved(place: Place, api: str, kind: str) -> InputError:
    """It does not know the kind of an object."""
    return InputError(f"{place} does not serve {kind} of {api}", hint="`kubectl api-resources` lists what it serves")


def not_yet(place: Place, tried: Tried) -> InfrastructureError:
    """It refuses what it may well allow in a moment."""
    return InfrastructureError(
        f"{place} has just begun, and knows nobody's rights yet: it refuses to {tried}",
        hint="the same command goes on; if it says so for long, what does `kubectl get --raw /readyz` say is missing?",
    )


def strange(place: Place, what: str) -> ConfigError:
    """It answers, but not as an API server does."""
    return ConfigError(
        f"what answers at {place.host} does not speak as an API server does: {place.masked(what)}",
        hint="is the server in the kubeconfig right? a login page or a proxy may answer in its place",
    )


def unreached(place: Place, tried: Tried, error: BaseException) -> MlagentError:
    """The error of the tree where there was no answer at all."""
    chain = list(_chain(error))
    said = place.masked(str(chain[-1]) or type(chain[-1]).__name__)
    untrusted = next((one for one in chain if isinstance(one, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return ConfigError(
            f"the certificate of {place} is not trusted: {place.masked(untrusted.verify_message)}",
            hint="certificate-authority-data in the kubeconfig must be of this cluster; was it made anew?",
        )
    if any(isinstance(one, ssl.SSLError) for one in chain) and "wrong version number" in said.lower():
        return ConfigError(f"{place} does not speak TLS: {said}", hint="its address begins with https:// by mistake?")
    if any(isinstance(one, http.LocationParseError | UnicodeError) for one in chain):
        return ConfigError(f"{place} is no address: {said}", hint="`server` in the kubeconfig is https://HOST:PORT")
    silent = any(isinstance(one, http.ReadTimeoutError) for one in chain)
    kind = Silent if silent else InfrastructureError
    return kind(f"{place} does not answer to {tried}: {said}", hint=AGAIN)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        within: Any = getattr(error, "reason", None)
        if not isinstance(within, BaseException):
            within = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = within or error.__cause__ or error.__context__
