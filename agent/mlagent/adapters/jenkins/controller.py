"""One conversation with a controller: reads wait for it to come back, writes are never repeated blindly."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote, unquote

import requests
from jenkins import Jenkins as Server
from jenkins import JenkinsException

from mlagent.adapters.jenkins.refusals import FAILURES, Away, NotThere, explained, refused_crumb
from mlagent.config.jenkins import Jenkins
from mlagent.core import interrupt
from mlagent.errors import ConfigError, InfrastructureError, PolicyRefused

T = TypeVar("T")
Json = Mapping[str, Any]
SECONDS = 30  # for one answer
TRIES = 3  # of a write whose answer was lost and that was found not done
A_MOMENT = 2.0  # for a slow controller to finish what it was told


class Chunk(NamedTuple):
    """A part of a log: where the next one begins, and whether there will be one."""

    data: bytes
    end: int
    more: bool


class Controller:
    """A context: entering asks who we are, which python-jenkins needs to be its first call."""

    def __init__(
        self, settings: Jenkins, pause: Callable[[float], None], notice: Callable[[str], None] = lambda _: None
    ) -> None:
        """Reach nothing yet; `notice` is told that the controller is away."""
        if settings.url is None:
            raise ConfigError(
                "jenkins.url is not set", hint="name the controller in mlpipeline.yaml, or in MLAGENT_JENKINS_URL"
            )
        self.where = settings.url.rstrip("/")
        self.user: str | None = None
        self.pause, self.notice, self._patience = pause, notice, settings.patience_seconds
        token = settings.token.reveal() if settings.token else None
        self._server = Server(self.where, settings.user, token, timeout=SECONDS)

    def __enter__(self) -> Self:
        """Ask who we are."""
        try:
            self.user = self.read(self._me)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close its connections."""
        self._server._session.close()  # noqa: SLF001 - python-jenkins has no call for it

    def read(self, call: Callable[[], T]) -> T:
        """Ask, again and again while the controller is away, until the patience ends (20)."""
        told = False
        for wait in _waits(self._patience):
            try:
                return self._once(call)
            except Away as away:
                if not told:
                    self.notice(f"{away.message}; trying again for up to {self._patience:g} seconds")
                told = True
            interrupt.check()
            self.pause(wait)
        return self._once(call)

    def write(self, call: Callable[[], T], done: Callable[[], T | None], tries: int = TRIES) -> T:
        """Tell once; where the answer was lost, look with `done` whether it happened before telling again."""
        try:
            return self._once(call)
        except Away as away:
            self.notice(f"{away.message}; looking whether it heard")
            self.pause(A_MOMENT)
            if (found := self.read(done)) is not None:
                return found
            if tries == 1:
                raise
        return self.write(call, done, tries - 1)

    def plugins(self) -> set[str] | None:
        """Short names of the plugins that are active; None where this user may not know."""
        tree = "plugins[shortName,active]"
        try:
            found = self.read(lambda: _json(self._get("pluginManager/api/json", depth=1, tree=tree)))["plugins"]
        except (PolicyRefused, NotThere):
            return None
        return {one["shortName"] for one in found if one["active"]}

    def config(self, job: str) -> str | None:
        """A job's XML, None when there is no such job."""
        try:
            return self.read(lambda: self._get(f"{path(job)}config.xml")).content.decode()
        except NotThere:
            return None

    def create(self, job: str, xml: str) -> None:
        """Make a job; NotThere (4) when its folder is not there."""
        folder, _, name = job.rpartition("/")
        at = f"{path(folder) if folder else ''}createItem"
        self.write(
            lambda: bool(self._post(at, _utf8(xml), XML, name=name)), lambda: self.config(job) is not None or None
        )

    def configure(self, job: str, xml: str) -> None:
        """Replace a job's XML; to do it twice is to do it once."""
        self.read(lambda: self._post(f"{path(job)}config.xml", _utf8(xml), XML))

    def job(self, name: str) -> Json:
        """What it tells about a job; NotThere (4)."""
        return self.read(lambda: dict(self._server.get_job_info(name)))

    def build(self, job: str, number: int | str) -> Json:
        """What it tells about a build, by number or as `lastBuild`; NotThere (4)."""
        return self.read(lambda: dict(self._server.get_build_info(job, number)))

    def builds(self, job: str) -> Sequence[Json]:
        """The newest builds: number, queueId, actions."""
        tree = "builds[number,queueId,actions[parameters[name,value],causes[userId]]]{0,50}"
        return list(self.read(lambda: _json(self._get(f"{path(job)}api/json", tree=tree)))["builds"])

    def queued(self, job: str) -> Sequence[Json]:
        """The builds of a job that wait for an executor."""
        items = self.read(self._server.get_queue_info)
        return [one for one in items if _is_of(one["task"].get("url", ""), job)]

    def queue_item(self, number: int) -> Json | None:
        """What became of a queued build; None some minutes after it began."""
        try:
            return self.read(lambda: dict(self._server.get_queue_item(number)))
        except NotThere:
            return None

    def start(self, job: str, parameters: Mapping[str, str]) -> int:
        """Ask for a build; the number of its queue item. For `write`: the answer may be lost."""
        at = f"{self.where}/{path(job)}{'buildWithParameters' if parameters else 'build'}"
        answer = self._send(requests.Request("POST", at, data=dict(parameters), hooks={"response": _not_followed}))
        item = _ITEM.search(answer.headers.get("Location", ""))
        if item is None:
            raise InfrastructureError(
                f"{self.where} put no build of {job} into its queue",
                hint="a plugin may hold builds back (throttling, a freeze): the controller's own log says which",
            )
        return int(item[1])

    def log(self, job: str, number: int, begin: int) -> Chunk:
        """A log from a byte on; where it was cut meanwhile, from its beginning."""
        answer = self.read(lambda: self._get(f"{path(job)}{number}/logText/progressiveText", start=begin))
        end = int(answer.headers.get("X-Text-Size", begin + len(answer.content)))
        return Chunk(answer.content, end, answer.headers.get("X-More-Data") == "true")

    def pending(self, job: str, number: int) -> Sequence[Json]:
        """The questions that a build waits for; ConfigError (3) without the plugin that knows."""
        try:
            return list(self.read(lambda: _json(self._get(f"{path(job)}{number}/wfapi/pendingInputActions"))))
        except NotThere as error:
            raise ConfigError(
                "the controller cannot say what a build waits for: the plugin pipeline-rest-api is missing",
                hint="install it (jenkins/README.md), or look at the build's page",
            ) from error

    def ask(self, at: str, **query: str | int) -> Any:  # noqa: ANN401 - whatever it says
        """The JSON of an address below the controller's; NotThere (4)."""
        return self.read(lambda: _json(self._get(at, **query)))

    def is_there(self, at: str) -> bool:
        """Whether there is such a page."""
        try:
            return bool(self.read(lambda: self._get(at)))
        except NotThere:
            return False

    def tell(self, at: str, data: bytes | dict[str, str], headers: Mapping[str, str]) -> bool:
        """Post to an address below the controller's. For `write`: the answer may be lost."""
        self._post(at, data, headers)
        return True

    def _me(self) -> str:
        answer = self._get(ME)
        if answer.history:
            raise ConfigError(
                f"{self.where} sends us on to {answer.url.removesuffix(f'/{ME}')}, where a POST would arrive empty",
                hint="set jenkins.url to the address that a browser ends at",
            )
        return str(json.loads(answer.text)["id"])

    def _get(self, at: str, **query: str | int) -> requests.Response:
        return self._send(requests.Request("GET", f"{self.where}/{at}", params=query))

    def _post(
        self, at: str, data: bytes | dict[str, str], headers: Mapping[str, str], **query: str | int
    ) -> requests.Response:
        return self._send(
            requests.Request("POST", f"{self.where}/{at}", params=query, data=data, headers=dict(headers))
        )

    def _send(self, request: requests.Request) -> requests.Response:
        answer: requests.Response = self._server.jenkins_request(request)
        return answer

    def _once(self, call: Callable[[], T]) -> T:
        """With a fresh crumb where the old one was turned away: nothing was carried out then."""
        try:
            try:
                return call()
            except JenkinsException as error:
                if not refused_crumb(error):
                    raise
                self._server.crumb = None
                return call()
        except FAILURES as error:
            raise explained(error, self.where, self.user) from error


ME = "me/api/json"
_ITEM = re.compile(r"/queue/item/(\d+)/?$")
XML = {"Content-Type": "text/xml; charset=utf-8"}


def path(job: str) -> str:
    """Where a job is, below the controller's address; a `/` in a branch's own name is `%2F` in the job's."""
    return "".join(f"job/{quote(name, safe='')}/" for name in job.split("/"))


def _is_of(url: str, job: str) -> bool:
    """Whether an address is the job's: it begins, and escapes more or fewer characters, as Jenkins likes."""
    return [unquote(name) for name in url.partition("/job/")[2].rstrip("/").split("/job/")] == job.split("/")


def _not_followed(answer: requests.Response, **_: object) -> requests.Response:
    """A build like one that waits is joined to it, by a 303 to that queue item: its page is none, its number ours."""
    if answer.is_redirect and _ITEM.search(answer.headers["Location"]):
        answer.status_code = int(HTTPStatus.CREATED)
    return answer


def _waits(patience: float) -> Iterator[float]:
    wait = 1.0
    while patience > 0:
        yield min(wait, patience)
        patience -= wait
        wait = min(2 * wait, 20.0)


def _json(answer: requests.Response) -> Any:  # noqa: ANN401 - whatever it says
    return json.loads(answer.text)


def _utf8(text: str) -> bytes:
    return text.encode()
