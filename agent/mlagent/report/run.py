"""What a run's page is made of: plain data, gathered by the engine; this room knows neither stores nor folders."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from mlagent.core.artifact import Stored
from mlagent.core.verdict import GOOD, Check, Verdict
from mlagent.measure.evaluation import Evaluation
from mlagent.measure.profile import Profile


class Missing(msgspec.Struct, frozen=True):
    """A part that is not there, and why, as the end of a sentence."""

    why: str


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: how it ended, or `not run`; times are RFC 3339 in UTC.

    `parts` is what its result depends on, `reused_from` the run that made it where it was another.
    """

    name: str
    title: str
    state: str = "not run"
    attempt: int = 0
    started: str = ""
    seconds: float | None = None
    summary: str = ""
    hint: str = ""
    reused_from: str | None = None
    key: str | None = None
    parts: Mapping[str, str] = {}
    outputs: Mapping[str, Stored] = {}
    verdicts: tuple[Verdict, ...] = ()

    @property
    def checks(self) -> list[Check]:
        """All checks of all its verdicts."""
        return [check for verdict in self.verdicts for check in verdict.checks]

    @property
    def broken(self) -> list[Check]:
        """Those that did not pass and that nobody waived."""
        return [check for check in self.checks if check.outcome not in GOOD]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A percentile in ms with the ends of its interval."""

    value: float
    low: float
    high: float


class Percentile(msgspec.Struct, frozen=True, kw_only=True):
    """A percentile from when requests were due, and of the service alone; None without requests."""

    due: Spread | None = None
    service: Spread | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One load of a search for the highest rate (a second), and how it was judged."""

    rate: float
    outcome: str
    p99_ms: float | None = None


class Load(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A load test, a place a request (n,): when it was due (s), its latency (ms), whether it failed, whether it counts.

    `figures` are those of what counts, by name (`p99_ms`, `error_rate` …), `percentiles` by `p50` …; `profile` is the
    course of the load; `attempts` are those of a search for the highest rate.
    """

    due: np.ndarray
    latency: np.ndarray
    failed: np.ndarray
    kept: np.ndarray
    figures: Mapping[str, float | None]
    percentiles: Mapping[str, Percentile] = {}
    profile: str = "steady"
    attempts: tuple[Attempt, ...] = ()


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a rollout: seconds since it began, ready pods of the version before and of the new one."""

    at: float
    phase: str
    old: int
    new: int
    wanted: int
    event: str = ""


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """How a release came to an environment; `old` and `new` are what people call both, `old` empty for nothing."""

    old: str
    new: str
    moments: tuple[Moment, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run in all its parts; `alive` says who runs it now, nothing when nobody does.

    `rollouts` are by environment, in order; none of a run that does not come so far.
    """

    project: str
    run_id: str
    build: int
    attempt: int
    begun: str
    mlagent: str
    commit: str | None
    dirty: bool | None
    facts: Mapping[str, str]
    config: Mapping[str, Any]
    sources: Mapping[str, str]
    alive: str
    stages: tuple[Ran, ...]
    profile: Profile | Missing
    accepted: Profile | Missing
    epochs: list[dict[str, Any]] | Missing
    evaluation: Evaluation | Missing
    load: Load | Missing
    rollouts: Mapping[str, Rollout | Missing] = {}

    def stage(self, name: str) -> Ran | None:
        """The stage of that name."""
        return next((one for one in self.stages if one.name == name), None)

    def checks(self, stage: str) -> list[Check]:
        """The checks of a stage; none where it did not run."""
        found = self.stage(stage)
        return found.checks if found else []
