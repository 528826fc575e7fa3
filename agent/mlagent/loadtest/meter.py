"""One meter process while it asks: its desk, its users, its watch. Alone, or as a worker of several."""

import gc
import socket
import time
from collections.abc import Callable, Sequence

import gevent
import locust

from mlagent.loadtest import golden
from mlagent.loadtest.asking import token
from mlagent.loadtest.course import Desk, Judge
from mlagent.loadtest.request import Request
from mlagent.loadtest.schedule import Seconds
from mlagent.loadtest.user import Clock, user_class
from mlagent.loadtest.watch import EVERY_SECONDS, Watch
from mlagent.loadtest.wire import Report

HOST = socket.gethostname()
TELL_SECONDS = 1.0
LEAVING_SECONDS = 1.0  # for users to end by themselves, when time is up


class Meter:
    """Users that wait for their courses and the start; what they saw."""

    def __init__(self, request: Request, files: Sequence[bytes], token_file: str | None = None) -> None:
        """`files` hold the golden rows of each target; `token_file` stands for those that the targets name."""
        judges = [
            Judge(
                target, golden.decode(data, "golden.jsonl"), request.tolerance, token(token_file or target.token_file)
            )
            for target, data in zip(request.targets, files, strict=True)
        ]
        self.desk, self.watch, self.began = Desk(request, judges), Watch(), 0.0
        self._clock = Clock()
        self.user_class: type[locust.User] = user_class(self.desk, self._clock)

    def deal(self, moments: Sequence[Seconds], begins: float) -> None:
        """Lay out what is due; what is in memory now stays: no pause goes through it again."""
        self.desk.deal(moments, begins)
        gc.collect()
        gc.freeze()

    def ask(self, users: gevent.pool.Group, tell: Callable[[float], None]) -> None:
        """Let the users go, until the last answer or the last possible time-out; `tell` about once a second."""
        deadline = self.desk.request.deadline
        self.watch.begin()
        self._clock.start()
        self.began, told = time.time(), 0.0
        while len(users) and (left := deadline - self._clock.now()) > 0:
            users.join(timeout=min(left, EVERY_SECONDS))
            self.watch.look()
            if self._clock.now() - told >= TELL_SECONDS:
                told = self._clock.now()
                tell(told)
        self.desk.close()
        users.join(timeout=LEAVING_SECONDS)

    def report(self) -> Report:
        """What was seen."""
        return Report(
            rows=self.desk.samples().tobytes(),
            first_wrong=self.desk.first_wrong,
            cpu_share=self.watch.share,
            cpu_share_max=self.watch.highest,
            clock_jump_seconds=self.watch.jump,
        )
