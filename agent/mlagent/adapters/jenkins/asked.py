"""The build in which people are asked: what its controller, and nobody else, says of it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import unquote

from mlagent.adapters.jenkins import inputs
from mlagent.adapters.jenkins.controller import Controller
from mlagent.config.approvals import Approvals
from mlagent.config.jenkins import Jenkins
from mlagent.core.context import Origin
from mlagent.core.ports.approvals import Seen, Started
from mlagent.errors import ConfigError

_PAGE = re.compile(r"((?:/job/[^/]+)+)/(\d+)/?$")


class AskedBuild(NamedTuple):
    """One build, by the job's name with its folders, and its number."""

    controller: Controller
    job: str
    number: int

    def seen(self, known: tuple[str, ...]) -> Seen:
        """What it says now; `known` are inputs that may wait, for a controller that cannot list them."""
        return inputs.seen(self.controller, self.job, self.number, known)

    def started(self) -> Started:
        """How it began."""
        return inputs.started(self.controller, self.job, self.number)


@contextmanager
def opened(settings: Approvals, controller: str, origin: Origin, notice: Callable[[str], None]) -> Iterator[AskedBuild]:
    """The build whose page `origin` names, at the controller that the platform names.

    ConfigError (3) where nobody is named who may ask there, or the page is none of a build.
    """
    found = _PAGE.search(origin.url)
    if found is None:
        raise ConfigError(f"BUILD_URL {origin.url!r} is no build's page", hint="Jenkins sets it: …/job/NAME/NUMBER/")
    if settings.user is None or settings.token is None:
        raise ConfigError(
            "approvals.user and approvals.token are not set: an approval is read back from Jenkins itself",
            hint="a user that may read the job (Overall/Read, Job/Read), and its API token: env:NAME or file:PATH",
        )
    job = "/".join(unquote(one) for one in found[1].removeprefix("/job/").split("/job/"))
    where = Jenkins(url=controller, user=settings.user, token=settings.token)
    with Controller(where, time.sleep, notice) as opened:
        yield AskedBuild(opened, job, int(found[2]))
