"""What Locust's users do: wait until a request is due, send it, judge the answer. Patches this process for gevent."""

from time import perf_counter

import locust
from gevent.event import Event
from locust.exception import StopUser

from mlagent.loadtest.alarm import Alarm
from mlagent.loadtest.course import Desk
from mlagent.loadtest.line import Answer, Line
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


def user_class(desk: Desk, clock: Clock) -> type[locust.User]:
    """Make the class that Locust makes its users from: each takes what is due next from the desk."""

    class Asking(locust.User):
        """Asks when it is due; keeps a connection to each target."""

        host = desk.request.targets[0].url

        def on_start(self) -> None:
            """Have an alarm and a line to each target, and wait for the common start."""
            self.alarm = Alarm()
            self.lines = [Line(judge, desk.request.timeout_seconds) for judge in desk.judges]
            clock.wait()

        def on_stop(self) -> None:
            """Close the connections."""
            self.alarm.close()
            for one in self.lines:
                one.close()

        def wait_time(self) -> float:
            """No wait after a request: the schedule says when the next one is due."""
            return 0.0

        @locust.task
        def ask(self) -> None:
            """Take what is due next, wait for its moment, send it, keep what came of it; StopUser when none is left."""
            asked, taken, shots = desk.take(), clock.now(), desk.shots
            if asked is None:
                raise StopUser
            self.alarm.wait(asked.due - clock.now())
            judge, line = desk.judges[asked.target], self.lines[asked.target]
            sent = clock.now()
            shots[asked.number] = Shot(taken, sent)
            answer = line.post(judge.bodies[asked.row])
            done, failed = clock.now(), answer.status // 100 != 2
            wrong = not failed and judge.wrong(asked.row, answer.body)
            shots[asked.number] = Shot(taken, sent, done, answer.status, len(answer.body), wrong)
            desk.tally.add(done - asked.due, failed=failed)
            self.tell(judge.target.name, done - sent, answer, wrong=wrong)

        def tell(self, name: str, seconds: float, answer: Answer, *, wrong: bool) -> None:
            """Tell Locust, for its own report."""
            error = answer.error or (f"status {answer.status}" if answer.status // 100 != 2 else None)
            self.environment.events.request.fire(
                request_type="POST",
                name=name,
                response_time=seconds * 1000,
                response_length=len(answer.body),
                exception="wrong answer" if wrong else error,
                context={},
            )

    return Asking
