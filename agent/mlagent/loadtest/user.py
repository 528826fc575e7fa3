"""What Locust's users do: wait until a request is due, send it, judge the answer. Patches this process for gevent."""

from time import perf_counter
from typing import Any

import gevent
import locust
from gevent.event import Event
from locust.contrib.fasthttp import LocustBadStatusCode, ResponseContextManager
from locust.exception import StopUser

from mlagent.loadtest.course import Asked, Desk, Judge
from mlagent.loadtest.samples import Shot


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


def user_class(desk: Desk, clock: Clock) -> type[locust.FastHttpUser]:
    """Make the class that Locust makes its users from: each takes what is due next from the desk."""
    patience = desk.request.timeout_seconds

    class Asking(locust.FastHttpUser):
        """Asks when it is due; keeps its connection. geventhttpclient reads no proxy from the environment."""

        host = desk.request.targets[0].url
        concurrency = 1
        insecure = False
        connection_timeout = network_timeout = patience

        def on_start(self) -> None:
            """Wait for the common start."""
            clock.wait()

        def on_stop(self) -> None:
            """Close the connection."""
            self.client.client.close()

        def wait_time(self) -> float:
            """No wait after a request: the schedule says when the next one is due."""
            return 0.0

        @locust.task
        def ask(self) -> None:
            """Take what is due next, wait for its moment, send it, keep what came of it; StopUser when none is left."""
            asked, taken, shots = desk.take(), clock.now(), desk.shots
            if asked is None:
                raise StopUser
            gevent.sleep(max(0.0, asked.due - clock.now()))
            judge, sent = desk.judges[asked.target], clock.now()
            shots[asked.number] = Shot(taken, sent)
            status, size, content = self.send(judge, asked)
            done = clock.now()
            wrong = status // 100 == 2 and judge.wrong(asked.row, content)
            shots[asked.number] = Shot(taken, sent, done, status, size, wrong)
            desk.tally.add(done - asked.due, failed=status // 100 != 2)

        def send(self, judge: Judge, asked: Asked) -> tuple[int, int, bytes]:
            """Give status, length and body of the answer; 0, 0 and nothing where none came in time."""
            url, name = judge.target.url, judge.target.name
            body: Any = judge.bodies[asked.row]  # Locust's signature says str, its client sends bytes as they are
            with (
                gevent.Timeout(patience, exception=False),
                self.client.post(
                    url, name=name, data=body, headers=judge.headers, allow_redirects=False, catch_response=True
                ) as answer,
            ):
                return _outcome(answer)
            late = TimeoutError(f"no answer within {patience:g} s")
            self.environment.events.request.fire(
                request_type="POST", name=name, response_time=patience * 1000, response_length=0, exception=late
            )
            return 0, 0, b""

    return Asking


def _outcome(answer: ResponseContextManager) -> tuple[int, int, bytes]:
    """Give status, length and body of an answer; its status alone is no proof, for its body may have broken off."""
    error = answer.request_meta["exception"]
    whole = error is None or isinstance(error, LocustBadStatusCode)
    status = answer.status_code if whole else 0
    return status, answer.request_meta["response_length"], answer.content if whole else b""
