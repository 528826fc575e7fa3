"""A worker of several: fetches its part of the load from the master through Locust, asks, and reports.

It ends with its master: a local one when its parent is gone, a remote one when no heartbeat comes any more.
"""

import os
import sys
import time

import gevent
import msgspec
from locust.env import Environment
from locust.runners import WorkerRunner

from mlagent import __version__
from mlagent.errors import InfrastructureError, MlagentError
from mlagent.loadtest import wire
from mlagent.loadtest.meter import HOST, Meter
from mlagent.loadtest.orders import Orders
from mlagent.loadtest.schedule import Seconds

ALONE_SECONDS = 10.0
POLL_SECONDS = 0.2
_decode = msgspec.msgpack.decode


def serve(place: Orders) -> None:
    """Work for the master until it is done with us; InfrastructureError (20) where none answers, or it falls silent."""
    if place.parent is not None:
        gevent.spawn(_end_with, place.parent)
    environment = Environment(user_classes=[], catch_exceptions=False)
    try:
        with gevent.Timeout(place.wait_seconds, ConnectionError):
            runner = environment.create_worker_runner(place.host, place.port)
    except ConnectionError:
        hint = "start the load test first; is the address right, and is the port open between the machines?"
        raise InfrastructureError(
            f"no load test answered at {place.host}:{place.port} within {place.wait_seconds} s", hint=hint
        ) from None
    work = Work(environment, runner, place.token_file)
    runner.send_message(wire.HELLO, msgspec.to_builtins(wire.Hello(host=HOST, pid=os.getpid(), mlagent=__version__)))
    work.follow()


class Work:
    """What a worker does, message by message."""

    def __init__(self, environment: Environment, runner: WorkerRunner, token_file: str | None) -> None:
        """Listen to the master."""
        self._environment, self._runner, self._token_file = environment, runner, token_file
        self._meter: Meter | None = None
        self._heard = time.monotonic()
        self._failed: MlagentError | None = None
        self._inbox = wire.Inbox({"task": self._take, "courses": self._deal})
        environment.events.heartbeat_received.add_listener(self._hear)
        runner.register_message(wire.PART, lambda msg, **_: self._inbox.put(msg.data))
        runner.register_message(wire.GO, lambda **_: self._ask(), concurrent=True)

    def follow(self) -> None:
        """Wait until the master says that it is over."""
        while not self._runner.greenlet.join(timeout=POLL_SECONDS):
            if self._failed:
                raise self._failed
            if time.monotonic() - self._heard > ALONE_SECONDS:
                hint = "did it end, or is the network between the machines down?"
                raise InfrastructureError(f"the load test was not heard of for {ALONE_SECONDS:g} s", hint=hint)

    def _hear(self, **_: object) -> None:
        self._heard = time.monotonic()

    def _take(self, data: bytes) -> None:
        """Make ready for a request; what is wrong with it is told, and ends us."""
        task = _decode(data, type=wire.Task)
        try:
            self._meter = Meter(task.request, task.golden, self._token_file)
        except MlagentError as error:
            said = {"category": error.category, "message": f"on {HOST} {error.message}", "hint": error.hint}
            self._runner.send_message(wire.READY, said)
            self._failed = error
            return
        self._environment.user_classes.append(self._meter.user_class)
        self._runner.send_message(wire.READY, {})

    def _deal(self, data: bytes) -> None:
        courses = _decode(data, type=wire.Courses)
        self._made.deal([_moments(one) for one in courses.moments], courses.begins)
        self._runner.send_message(wire.DEALT, {})

    def _ask(self) -> None:
        """Let all users ask; tell how it goes meanwhile, and then all that was seen."""
        meter = self._made
        meter.ask(self._runner.user_greenlets, lambda _: self._tick())
        self._runner.send_message(wire.OVER, {})
        for part in wire.chunks("report", msgspec.msgpack.encode(meter.report())):
            self._runner.send_message(wire.PART, part)
            gevent.sleep(0)

    def _tick(self) -> None:
        self._runner.send_message(wire.TICK, msgspec.to_builtins(self._made.desk.tally.told()))

    @property
    def _made(self) -> Meter:
        if self._meter is None:
            raise RuntimeError("the master sent courses or the start before the request")
        return self._meter


def _moments(data: bytes) -> Seconds:
    import numpy as np

    return np.frombuffer(data, "<f8")


def _end_with(parent: int) -> None:
    """End at once when the process that started us has ended: nobody would ask for what we see."""
    while os.getppid() == parent:
        gevent.sleep(POLL_SECONDS)
    sys.stderr.write("the load test has ended, and so does its worker\n")
    sys.stderr.flush()
    os._exit(1)
