"""The Locust process: importing this module patches sockets, threads and time for gevent, so only __main__ does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import locust
from locust.env import Environment
from locust.html import get_html_report
from locust.stats import stats_history

from mlagent.errors import Bug
from mlagent.loadtest import progress
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.meter import HOST, Meter
from mlagent.loadtest.request import Request
from mlagent.loadtest.result import MeterHealth
from mlagent.loadtest.samples import Samples
from mlagent.loadtest.schedule import Seconds
from mlagent.loadtest.tally import Tally

VERSION: str = locust.__version__
SPAWN_RATE = 100  # users a second, the most that Locust takes without a warning


class Measurement(NamedTuple):
    """What came of a load: `began` is its start in seconds since the epoch, `page` Locust's own report."""

    samples: Samples
    first_wrong: Wrong | None
    meters: Sequence[MeterHealth]
    clock_jump_seconds: float
    began: float
    page: str


class Teller:
    """Keeps progress.json up to date, from a thread of its own: the disk holds no request up."""

    def __init__(self, request: Request) -> None:
        """Into the request's folder."""
        self._folder, self._gauge = Path(request.output), progress.Gauge(request)

    def __call__(self, elapsed: float, tally: Tally) -> None:
        """Write what was counted until now."""
        found = self._gauge(elapsed, tally)
        gevent.get_hub().threadpool.spawn(progress.replace, self._folder, found)


def measure(request: Request, moments: Sequence[Seconds], files: Sequence[bytes]) -> Measurement:
    """Let a user a schedule ask, until the last answer or the last possible time-out; a sample for all that was due.

    `files` hold the golden rows of each target. Bug when a user ended for another reason than these.
    """
    if request.processes == 1 and request.workers is None:
        return _alone(request, moments, files)
    from mlagent.loadtest import master

    return master.measure(request, moments, files, Teller(request))


def _alone(request: Request, moments: Sequence[Seconds], files: Sequence[bytes]) -> Measurement:
    """All users in this process."""
    meter, tell = Meter(request, files), Teller(request)
    meter.deal(moments, 0.0)
    environment = Environment(user_classes=[meter.user_class], catch_exceptions=False)
    runner = environment.create_local_runner()
    runner.start(len(moments), spawn_rate=SPAWN_RATE)
    gevent.joinall([runner.spawning_greenlet])
    runner.greenlet.spawn(stats_history, runner)
    meter.ask(runner.user_greenlets, lambda elapsed: tell(elapsed, meter.desk.tally))
    samples, watch = meter.desk.samples(), meter.watch
    runner.quit()
    refuse_failure(runner)
    health = MeterHealth(worker=0, host=HOST, cpu_share=watch.share, cpu_share_max=watch.highest)
    page = get_html_report(environment, show_download_link=False)
    return Measurement(samples, meter.desk.first_wrong, [health], watch.jump, meter.began, page)


def refuse_failure(runner: Any) -> None:  # noqa: ANN401 - Locust's runners are untyped
    """Bug where a user ended otherwise than by its schedule or the time."""
    if runner.exceptions:
        said = next(iter(runner.exceptions.values()))
        raise Bug(f"the load test's own user failed: {said['msg']}", hint="report it, with the traceback on stderr")
