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
from mlagent.loadtest.request import Request
from mlagent.loadtest.samples import Samples, Shot, join, settle
from mlagent.loadtest.schedule import Seconds

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
    """One user's part: when it asks, what it sends, what it has seen."""

    def __init__(self, moments: Seconds, bodies: Sequence[bytes], first: int) -> None:
        """`bodies` are used in turn, from number `first` on."""
        self.moments, self.shots = moments, list[Shot]()
        self._bodies, self._first = bodies, first

    def due(self) -> float:
        """When the next request is due; StopUser after the last."""
        if len(self.shots) == len(self.moments):
            raise StopUser
        return float(self.moments[len(self.shots)])

    def body(self) -> bytes:
        """What the next request sends."""
        return self._bodies[(self._first + len(self.shots)) % len(self._bodies)]


def measure(request: Request, moments: Sequence[Seconds], bodies: Sequence[bytes]) -> Samples:
    """Let one user a schedule ask, until the last answer or the last possible time-out; a sample for all that was due.

    Bug when a user ended for another reason than these.
    """
    clock = Clock()
    courses = [Course(own, bodies, first) for first, own in enumerate(moments)]
    environment = Environment(user_classes=[_user_class(request, clock, courses)], catch_exceptions=False)
    runner = environment.create_local_runner()
    runner.start(len(courses), spawn_rate=SPAWN_RATE)
    gevent.joinall([runner.spawning_greenlet])
    gc.collect()
    gc.freeze()  # what is here stays: no pause goes through it again
    clock.start()
    deadline = request.scheduled_seconds + request.timeout_seconds
    runner.user_greenlets.join(timeout=deadline)
    samples = join([settle(course.moments, course.shots, deadline) for course in courses])
    runner.quit()
    if runner.exceptions:
        said = next(iter(runner.exceptions.values()))
        raise Bug(f"the load test's own user failed: {said['msg']}", hint="report it, with the traceback on stderr")
    return samples


def _user_class(request: Request, clock: Clock, courses: Sequence[Course]) -> type[locust.FastHttpUser]:
    """Make the class that Locust makes its users from: the n-th user takes the n-th course."""
    free = iter(courses)

    class Asking(locust.FastHttpUser):
        """Asks when it is due; keeps its connection. geventhttpclient reads no proxy from the environment."""

        host = request.url
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
            status = size = 0
            body: Any = self.course.body()  # Locust's signature says str, its client sends bytes as they are
            sent = clock.now()
            with (
                gevent.Timeout(request.timeout_seconds, exception=False),
                self.client.post(
                    request.url,
                    name="infer",
                    data=body,
                    headers=_HEADERS,
                    allow_redirects=False,
                    catch_response=True,
                ) as answer,
            ):
                status, size = _outcome(answer)
            self.course.shots.append(Shot(sent, clock.now(), status, size))

    return Asking


def _outcome(answer: ResponseContextManager) -> tuple[int, int]:
    """Give status and length of an answer; its status alone is no proof, for its body may have broken off."""
    error = answer.request_meta["exception"]
    whole = error is None or isinstance(error, LocustBadStatusCode)
    return answer.status_code if whole else 0, answer.request_meta["response_length"]
