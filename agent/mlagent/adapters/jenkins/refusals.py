"""What a controller's no means: python-jenkins keeps one class and a text, so the HTTP answer is asked behind it."""

from collections.abc import Iterator

import requests
from jenkins import EmptyResponseException, JenkinsException, TimeoutException

from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, PolicyRefused

CRUMB = "No valid crumb"
FAILURES = (JenkinsException, requests.RequestException, ValueError)
_LOST = (OSError, TimeoutException, EmptyResponseException)  # every RequestException is an OSError


class Away(InfrastructureError):
    """The controller does not answer, or says that it is starting: it may be back soon."""


class NotThere(InputError):
    """There is no such job or build, or this user may not know of it."""


def explained(error: BaseException, where: str, user: str | None) -> MlagentError:
    """The error of the tree; `user` is None until the controller has said who we are."""
    answer = _answer(error)
    if answer is not None:
        return _by_status(answer, where, user)
    if any(isinstance(one, requests.exceptions.SSLError) for one in _chain(error)):
        return ConfigError(
            f"the certificate of {where} is not trusted here: {_reason(error)}",
            hint="name your own authority's certificates (a PEM file) in REQUESTS_CA_BUNDLE",
        )
    if any(isinstance(one, _LOST) for one in _chain(error)):
        return Away(
            f"the Jenkins controller {where} does not answer: {_reason(error)}",
            hint="is jenkins.url right, is it up, does a proxy or firewall stand between?",
        )
    return ConfigError(
        f"what answers at {where} does not speak as Jenkins does: {_reason(error)}",
        hint="is jenkins.url right? a login page or a proxy may answer in its place",
    )


def refused_crumb(error: BaseException) -> bool:
    """Whether the request was turned away, not carried out, for want of a fresh crumb."""
    answer = _answer(error)
    return answer is not None and answer.status_code == requests.codes.forbidden and CRUMB in answer.text


def _by_status(answer: requests.Response, where: str, user: str | None) -> MlagentError:
    code, path = answer.status_code, answer.request.path_url.partition("?")[0]
    if code == requests.codes.forbidden:
        return _forbidden(f"{where} answered 403 at {path}", CRUMB in answer.text, user)
    kind, meaning, hint = _MEANINGS.get(code, _OTHER)
    return kind(f"{where} answered {code} at {path}: {meaning}", hint=hint)


def _forbidden(said: str, crumb: bool, user: str | None) -> MlagentError:  # noqa: FBT001 - a fact
    if crumb:
        return ConfigError(f"{said}: no valid crumb (CSRF)", hint="use an API token, which needs none, not a password")
    if user is None:
        return ConfigError(
            f"{said}: it wants to know who asks", hint="set jenkins.user and jenkins.token (env:NAME or file:PATH)"
        )
    return PolicyRefused(f"{said}: {user} may not do this", hint="ask for Job/Read, Build, Create or Configure there")


_AWAY = (Away, "it is starting, or away", "the same command goes on when it is back")
_OTHER = (InfrastructureError, "it failed", "its own log says why; where a job was sent, is a plugin missing?")
_MEANINGS: dict[int, tuple[type[MlagentError], str, str]] = {
    400: (InputError, "it does not take a name or value", "compare with what its own page lets you enter"),
    401: (
        ConfigError,
        "it does not take jenkins.token as one of jenkins.user",
        "make a token on that user's page (Security, API Token), and copy it whole",
    ),
    404: (
        NotThere,
        "there is none",
        "is the name right, folders included, was it made (`mlagent jenkins sync --apply`), and may this user read it?",
    ),
    409: (ConfigError, "the job is disabled", "enable it on its page"),
    **dict.fromkeys(
        (502, 503, 504), _AWAY
    ),  # a proxy whose controller restarts, and the controller itself while it does
}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _answer(error: BaseException) -> requests.Response | None:
    found = (getattr(one, "response", None) for one in _chain(error))
    return next((one for one in found if isinstance(one, requests.Response)), None)


def _reason(error: BaseException) -> str:
    text = str(list(_chain(error))[-1]).strip() or type(error).__name__
    return text.splitlines()[0]
