"""The Locust process: importing this module patches sockets, threads and time for gevent, so only __main__ does."""

import gc
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import gevent
import locust
from gevent.event import Event
from locust.contrib.fasthttp import LocustBadStatusCode, ResponseContextManager
from locust.env import Environment
from locust.exception import StopUser

from mlagent.errors import Bug
from mlagent.loadtest.answers import Examiner, Wrong
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Request
from mlagent.loadtest.samples import Samples, Shot, join, settle
from mlagent.loadtest.schedule import Seconds, pieces_of

VERSION: str = locust.__version__
SPAWN_RATE = 100  # users a second, the most that Locust takes without a warning
_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Clock:
    """The common start: users wait for it, and all moments count from it."""

    def __init__(self) -> None:
        self._started, self._zero = Event(), 0.0

    def start(self) -> None:
        """Let the users go; it is 0 now."""
        self._zero = perf_counter()
        self._started.set()

    def wait(self) -> None:
        """Wait for the start."""
        self._started.wait()

    def now(self) -> float:
        """Seconds since the start."""
        return perf_counter() - self._zero


class Course:
    """One user's part: when it asks, for which of `rows` golden rows, what it has seen."""

    def __init__(self, moments: Seconds, rows: int, first: int) -> None:
        """The rows are asked for in turn, from number `first` on: users that begin apart ask for different ones."""
        self.moments, self.shots = moments, list[Shot]()
        self.waiting: float | None = None
        self._rows, self._first = rows, first

    def due(self) -> float:
        """When the next request is due; StopUser after the last."""
        if len(self.shots) == len(self.moments):
            raise StopUser
        return float(self.moments[len(self.shots)])

    def row(self) -> int:
        """The number of the golden row that the next request asks for."""
        return (self._first + len(self.shots)) % self._rows


class Judge:
    """Looks at every answer, and remembers the first that was wrong."""

    def __init__(self, golden: Sequence[Golden], tolerance: float) -> None:
        """Make all bodies now: none is to be made while the clock runs."""
        self.bodies = [one.body for one in golden]
        self.first: Wrong | None = None
        self._examine = Examiner(golden, tolerance)

    def wrong(self, row: int, body: bytes) -> bool:
        """Whether this is no right answer to the row."""
        found = self._examine(row, body)
        self.first = self.first or found
        return found is not None


def measure(request: Request, moments: Sequence[Seconds], golden: Sequence[Golden]) -> tuple[Samples, Wrong | None]:
    """Let one user a schedule ask, until the last answer or the last possible time-out; a sample for all that was due.

    Also gives the first wrong answer. Bug when a user ended for another reason than these.
    """
    clock, judge = Clock(), Judge(golden, request.tolerance)
    users, rows = len(moments), len(golden)
    courses = [Course(own, rows, user * rows // users) for user, own in enumerate(moments)]
    environment = Environment(user_classes=[_user_class(request, clock, courses, judge)], catch_exceptions=False)
    runner = environment.create_local_runner()
    runner.start(len(courses), spawn_rate=SPAWN_RATE)
    gevent.joinall([runner.spawning_greenlet])
    gc.collect()
    gc.freeze()  # what is here stays: no pause goes through it again
    clock.start()
    runner.user_greenlets.join(timeout=request.deadline)
    samples = join([settle(one.moments, one.shots, request.deadline, waiting=one.waiting) for one in courses])
    samples["piece"] = pieces_of(samples["intended"], request.pieces)
    runner.quit()
    if runner.exceptions:
        said = next(iter(runner.exceptions.values()))
        raise Bug(f"the load test's own user failed: {said['msg']}", hint="report it, with the traceback on stderr")
    return samples, judge.first


def _user_class(request: Request, clock: Clock, courses: Sequence[Course], judge: Judge) -> type[locust.FastHttpUser]:
    """Make the class that Locust makes its users from: the n-th user takes the n-th course."""
    free = iter(courses)

    class Asking(locust.FastHttpUser):
        """Asks when it is due; keeps its connection. geventhttpclient reads no proxy from the environment."""

        host = request.targets[0].url
        concurrency = 1
        connection_timeout = network_timeout = request.timeout_seconds

        def on_start(self) -> None:
            """Take a course, and wait for the common start."""
            self.course = next(free)
            clock.wait()

        def wait_time(self) -> float:
            """No wait after a request: the schedule says when the next one is due."""
            return 0.0

        @locust.task
        def ask(self) -> None:
            """Wait until a request is due, send it, and keep what came of it; StopUser when there is none."""
            gevent.sleep(max(0.0, self.course.due() - clock.now()))
            status, size, content, row = 0, 0, b"", self.course.row()
            body: Any = judge.bodies[row]  # Locust's signature says str, its client sends bytes as they are
            sent = self.course.waiting = clock.now()
            with (
                gevent.Timeout(request.timeout_seconds, exception=False),
                self.client.post(
                    request.targets[0].url,
                    name="infer",
                    data=body,
                    headers=_HEADERS,
                    allow_redirects=False,
                    catch_response=True,
                ) as answer,
            ):
                status, size, content = _outcome(answer)
            done = clock.now()
            wrong = status // 100 == 2 and judge.wrong(row, content)
            self.course.shots.append(Shot(sent, done, status, size, wrong))
            self.course.waiting = None

    return Asking


def _outcome(answer: ResponseContextManager) -> tuple[int, int, bytes]:
    """Give status, length and body of an answer; its status alone is no proof, for its body may have broken off."""
    error = answer.request_meta["exception"]
    whole = error is None or isinstance(error, LocustBadStatusCode)
    status = answer.status_code if whole else 0
    return status, answer.request_meta["response_length"], answer.content if whole else b""
