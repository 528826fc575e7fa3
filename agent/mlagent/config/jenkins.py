"""The `jenkins:` section: where the controller is, and what the job there is to be like."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret

WORDS = {"daily": "H H(0-5) * * *", "weekly": "H H(0-5) * * 0"}
_FIELD = r"[0-9A-Za-z*/,()-]+"
_CRON = re.compile(rf"@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{_FIELD}( {_FIELD}){{4}}")
_NAME = r"[^/\\?*%!@#$^&|<>\[\]:;\s][^/\\?*%!@#$^&|<>\[\]:;\r\n]*"  # as Jenkins has it
_JOB = re.compile(rf"{_NAME}(/{_NAME})*")


class Jenkins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The controller, and the job that `mlagent jenkins sync` keeps there."""

    url: Annotated[str | None, Meta(description="The controller's address, as in its own settings.")] = None
    user: Annotated[str | None, Meta(description="Whose token it is.")] = None
    token: Annotated[Secret | None, Meta(description="That user's API token (not the password), as a reference.")] = (
        None
    )
    patience_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="How long a controller that does not answer (a restart) is waited for.")
    ] = 120.0
    job: Annotated[
        str | None, Meta(description="The job, with its folders (models/risk); null takes project.name.")
    ] = None
    kind: Annotated[
        Literal["pipeline", "multibranch"],
        Meta(description="One branch, or every branch and pull request with a job NAME-retrain beside it."),
    ] = "pipeline"
    repository: Annotated[
        str | None, Meta(description="Where Jenkins fetches the project, as git spells it, without a password.")
    ] = None
    credentials: Annotated[
        str | None, Meta(description="The id of the credentials in Jenkins that may read the repository.")
    ] = None
    branch: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$", description="The branch that is built and retrained.")
    ] = "main"
    script: Annotated[
        str, Meta(pattern=r"^[\w.][\w ./-]*$", description="The Jenkinsfile, from the repository's top.")
    ] = "Jenkinsfile"
    push: Annotated[
        Literal["poll", "webhook", "none"],
        Meta(description="How a push starts a build: Jenkins looks, is told (/git/notifyCommit), or not at all."),
    ] = "poll"
    poll: Annotated[str, Meta(description="When to look for pushes, a cron line of Jenkins.")] = "H/5 * * * *"
    schedule: Annotated[
        str | None, Meta(description="When to run without a push: daily, weekly or a cron line of Jenkins.")
    ] = None
    data: Annotated[
        str | None, Meta(description="When to look for new rows, a cron line; without any the build ends in seconds.")
    ] = None
    keep_builds: Annotated[int, Meta(ge=1, description="How many builds Jenkins keeps; records stay in the store.")] = (
        100
    )

    def __post_init__(self) -> None:
        """Refuse what Jenkins would refuse later, or show to others."""
        for message in (*_clocks(self), *_names(self)):
            raise ValueError(message)


def _clocks(section: Jenkins) -> Iterator[str]:
    for key, words in (("poll", {}), ("schedule", WORDS), ("data", {})):
        value = getattr(section, key)
        if value is not None and value not in words and not _CRON.fullmatch(value):
            allowed = f"{', '.join(words)} or " if words else ""
            yield f"{key} {value!r} is not {allowed}a cron line of five fields, such as 'H 3 * * 1-5'"


def _names(section: Jenkins) -> Iterator[str]:
    if section.job is not None and not _JOB.fullmatch(section.job):
        yield f"job {section.job!r}: Jenkins takes no such name; use letters, digits, `-`, and `/` between folders"
    at, repository = urlsplit(section.url or "http:"), urlsplit(section.repository or "")
    if at.username is not None:
        yield "url names a user, and perhaps a password; name user and token instead"
    if at.scheme not in ("http", "https"):
        yield f"url {section.url!r} begins with neither http:// nor https://"
    if repository.password is not None:
        yield "repository holds a password; name credentials that Jenkins keeps instead"
    if (section.user is None) != (section.token is None):
        yield "user and token belong together: a token is one user's"
