"""The master of several meter processes: Locust's own, in the command's process, with workers here and elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gevent
import msgspec
from locust.env import Environment
from locust.exception import RPCError
from locust.html import get_html_report
from locust.runners import MasterRunner
from locust.stats import stats_history

from mlagent import __version__
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError
from mlagent.loadtest import crew, wire
from mlagent.loadtest.meter import HOST, TELL_SECONDS, Meter
from mlagent.loadtest.request import Request
from mlagent.loadtest.roll import Member
from mlagent.loadtest.run import SPAWN_RATE, Measurement, refuse_failure
from mlagent.loadtest.samples import join
from mlagent.loadtest.schedule import Seconds
from mlagent.loadtest.tally import Tally, Told

LOOPBACK = "127.0.0.1"
START_SECONDS = 60.0  # for a local worker to be there, and for each step before the start
POLL_SECONDS = 0.05
GRACE_SECONDS = 30.0

Tell = Callable[[float, Tally], None]


class Runner(MasterRunner):
    """Locust's master, that starts its users once: who is lost is not replaced in the midst of a measurement."""

    def start(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Locust's own
        """Start the users, the first time."""
        if not self.target_user_count:
            super().start(*args, **kwargs)


def measure(request: Request, moments: Sequence[Seconds], files: Sequence[bytes], tell: Tell) -> Measurement:
    """Have all workers ask, and gather what they saw; one that is lost leaves requests that were never sent."""
    local = Meter(request, files)  # says what is wrong with tokens and rows before anybody is started
    environment = Environment(user_classes=[local.user_class], catch_exceptions=False)
    runner = _opened(environment, request)
    master = Master(request, runner)
    try:
        with crew.started(request.processes, _reached(request), runner.server.port) as processes:
            master.gather(processes)
            master.prepare(files)
            master.spawn(len(moments))
            master.deal(moments)
            began = master.ask(tell)
            runner.quit()  # and with that the workers' last figures come
            page = get_html_report(environment, show_download_link=False)
    finally:
        runner.server.close(linger=0)
    refuse_failure(runner)
    members = master.members
    reports = [one.report for one in members if one.report]
    return Measurement(
        samples=join([one.samples(request) for one in members]),
        first_wrong=next((one.first_wrong for one in reports if one.first_wrong), None),
        meters=[one.health() for one in members],
        clock_jump_seconds=max((one.clock_jump_seconds for one in reports), default=0.0),
        began=began,
        page=page,
    )


class Master:
    """Leads the workers step by step; each step waits for all, and for nobody without end."""

    def __init__(self, request: Request, runner: Runner) -> None:
        """Listen to them."""
        self._request, self._runner = request, runner
        self._wanted = request.processes + (request.workers.count if request.workers else 0)
        self._members: dict[str, Member] = {}
        self._processes: Mapping[int, crew.Process] = {}
        self._refused: dict[str, str] = {}
        for name, listen in (
            (wire.HELLO, self._hello),
            (wire.READY, self._ready),
            (wire.DEALT, self._dealt),
            (wire.TICK, self._tick),
            (wire.OVER, self._over),
            (wire.PART, self._part),
        ):
            runner.register_message(name, listen)

    @property
    def members(self) -> Sequence[Member]:
        """All workers, in the order in which they came."""
        return list(self._members.values())

    def gather(self, processes: Mapping[int, crew.Process]) -> None:
        """Wait for the local workers and those of other machines."""
        self._processes = processes
        far, wanted = self._request.workers, self._wanted
        seconds = max(START_SECONDS if processes else 0.0, far.wait_seconds if far else 0.0)
        if not self._wait(lambda: len(self._members) >= wanted, seconds):
            raise InfrastructureError(
                f"{len(self._members)} of {wanted} load test workers came within {seconds:g} s",
                hint=f"start the others with `mlagent load-worker --master HOST:{far.port}`; can they reach that port?"
                if far
                else "is this machine too busy, or short of memory?",
            )

    def prepare(self, files: Sequence[bytes]) -> None:
        """Hand all the request and the golden rows."""
        task = msgspec.msgpack.encode(wire.Task(request=self._request, golden=files))
        for one in self.members:
            self._send(one, "task", task)
        self._step("made ready", lambda one: one.ready)

    def spawn(self, users: int) -> None:
        """Have Locust spread its users over the workers."""
        self._runner.start(users, spawn_rate=SPAWN_RATE * len(self.members))
        self._runner.greenlet.spawn(stats_history, self._runner)
        self._step("started its users", lambda _: self._runner.user_count == users)

    def deal(self, moments: Sequence[Seconds]) -> None:
        """Hand each worker as many courses as it has users."""
        first = 0
        for one in self.members:
            end = first + sum(self._runner.clients[one.client].user_classes_count.values())
            one.moments = moments[first:end]
            own = wire.Courses(
                moments=[each.astype("<f8").tobytes() for each in one.moments], begins=first / len(moments)
            )
            self._send(one, "courses", msgspec.msgpack.encode(own))
            first = end
        self._step("took its part", lambda one: one.dealt)

    def ask(self, tell: Tell) -> float:
        """Start the load, and wait for what comes of it; gives the start in seconds since the epoch."""
        for one in self.members:
            one.hear()
            self._runner.send_message(wire.GO, {}, client_id=one.client)
        began, start, told = time.time(), time.monotonic(), 0.0
        end = self._request.deadline + GRACE_SECONDS + sum(one.due for one in self.members) / 100_000
        while not all([one.done for one in self.members]):  # noqa: C419 - each is to be looked at
            gevent.sleep(POLL_SECONDS)
            elapsed = time.monotonic() - start
            if elapsed > end:
                break
            if elapsed - told >= TELL_SECONDS and not all(one.over for one in self.members):
                told = elapsed
                tell(elapsed, Tally.of(one.told for one in self.members if one.told))
        for one in self.members:
            one.lost = one.report is None
        return began

    def _step(self, said: str, done: Callable[[Member], bool]) -> None:
        """Wait until it is done for all; InfrastructureError for a worker that ended or did not do it in time."""
        whole = self._wait(lambda: all(done(one) for one in self.members), START_SECONDS)
        if not whole:
            raise InfrastructureError(
                f"a load test worker has not {said} within {START_SECONDS:g} s",
                hint="try again; is a machine too busy?",
            )

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is done; what a worker refused, or that a local one ended, is raised."""
        end = time.monotonic() + seconds
        while not done():
            if self._refused:
                raise _error(self._refused)
            ended = next((one for one in self._processes.values() if one.poll() is not None), None)
            if ended:
                raise InfrastructureError(
                    f"a load test worker ended with status {ended.returncode} before the load began",
                    hint="its output is above; did memory run out?",
                )
            if time.monotonic() > end:
                return False
            gevent.sleep(POLL_SECONDS)
        return True

    def _send(self, member: Member, what: str, data: bytes) -> None:
        for part in wire.chunks(what, data):
            self._runner.send_message(wire.PART, part, client_id=member.client)
            gevent.sleep(0)

    def _hello(self, msg: Any, **_: object) -> None:  # noqa: ANN401 - Locust's message
        said = msgspec.convert(msg.data, wire.Hello)
        if said.mlagent != __version__:
            text = f"the load test worker on {said.host} has mlagent {said.mlagent}, and this is {__version__}"
            self._refused = {"category": "configuration", "message": text, "hint": "install the same version there"}
            return
        number = len(self._members)
        if number == self._wanted:  # one more than asked for has nothing to do
            self._runner.send_message("quit", client_id=msg.node_id)
            self._runner.clients.pop(msg.node_id, None)
            return
        own = self._processes.get(said.pid) if said.host == HOST else None
        alive = (lambda: own.poll() is None) if own else (lambda: True)
        self._members.setdefault(msg.node_id, Member(number, msg.node_id, said.host, alive))

    def _ready(self, msg: Any, **_: object) -> None:  # noqa: ANN401
        self._refused = msg.data or self._refused
        self._heard(msg).ready = not msg.data

    def _dealt(self, msg: Any, **_: object) -> None:  # noqa: ANN401
        self._heard(msg).dealt = True

    def _tick(self, msg: Any, **_: object) -> None:  # noqa: ANN401
        self._heard(msg).told = msgspec.convert(msg.data, Told, strict=False)

    def _over(self, msg: Any, **_: object) -> None:  # noqa: ANN401
        self._heard(msg).end()

    def _part(self, msg: Any, **_: object) -> None:  # noqa: ANN401
        self._heard(msg).inbox.put(msg.data)

    def _heard(self, msg: Any) -> Member:  # noqa: ANN401
        member = self._members[msg.node_id]
        member.hear()
        return member


def _opened(environment: Environment, request: Request) -> Runner:
    """Locust's master at a free port of loopback; where other machines are wanted, at the address that they know."""
    far = request.workers
    host, port = (far.host, far.port) if far else (LOOPBACK, 0)
    try:
        runner = Runner(environment, host, port)
    except (RPCError, SystemExit, OSError) as error:
        raise ConfigError(
            f"the load test cannot listen for its workers at {host}:{port}",
            hint="is the port in use, and is the address one of this machine?",
        ) from error
    environment.runner = runner
    return runner


def _reached(request: Request) -> str:
    """Where local workers find the master."""
    far = request.workers
    return LOOPBACK if far is None or far.host in ("*", "0.0.0.0") else far.host  # noqa: S104 - compared, not bound


def _error(said: Mapping[str, str]) -> MlagentError:
    kinds = {kind.category: kind for kind in (InputError, ConfigError, InfrastructureError)}
    return kinds.get(said["category"], InfrastructureError)(said["message"], hint=said["hint"])
