"""A run made up in memory, whose every part a test may replace."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from mlagent.core.artifact import Stored
from mlagent.core.verdict import Check, check, verdict
from mlagent.measure.evaluation import Evaluation, Settings, evaluate
from mlagent.measure.metrics import Task
from mlagent.measure.profile import ColumnProfile, Profile
from mlagent.report.run import Load, Missing, Ran, Run

NAMES = ("check", "validate-data", "split", "train", "export", "evaluate", "gate", "register", "load-test")
SETTINGS = Settings(resamples=100, seed=1, level=0.95, group_min=20, label_min=2, slice_min=20)
DATA = "sha256:" + "d" * 64

Make = Callable[..., Run]


def ran(name: str, *checks: Check, state: str = "done", **changes: Any) -> Ran:
    """A stage that ended, with one verdict on these checks."""
    judged = (verdict(name, checks, inputs={}, tools={"mlagent": "0.1"}),) if checks else ()
    plain: dict[str, Any] = {"attempt": 1, "started": "2026-01-02T03:04:05.000+00:00", "seconds": 1.5, "key": DATA}
    return Ran(
        **({"name": name, "title": name, "state": state, "summary": "said", "verdicts": judged} | plain | changes)
    )


def measured(task: Task, groups: dict[str, np.ndarray] | None = None, rows: int = 400) -> Evaluation:
    """A model that knows something, beside a constant answer."""
    random = np.random.default_rng(1)
    sure = random.uniform(0.05, 0.95, rows)
    target = (random.uniform(size=rows) < sure).astype(float)
    answers: dict[str, np.ndarray] = {"binary": sure, "regression": sure, "count": sure}
    answers["multiclass"] = np.stack([1 - sure, sure * 0.6, sure * 0.4], axis=1)
    constants = {"multiclass": np.full((rows, 3), 1 / 3)}
    return evaluate(
        task,
        {"model": answers[task]},
        {"constant": constants.get(task, np.full(rows, 0.5))},
        target,
        SETTINGS,
        threshold=0.5 if task == "binary" else None,
        threshold_by="given",
        groups=groups or {},
        slices={"kind": np.where(sure > 0.5, "high", "low")},
        unknown={},
        absent={},
    )


def profile(**columns: ColumnProfile) -> Profile:
    return Profile(rows=100, sampled=100, columns=columns)


def load(latency: np.ndarray, *, bad: bool = False) -> Load:
    figures = {"p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "error_rate": 0.0}
    due = np.linspace(0, 10, len(latency))
    failed, kept = np.full(len(latency), bad), due >= 2.0
    return Load(due=due, latency=latency, failed=failed, kept=kept, figures=figures)


@pytest.fixture
def make() -> Make:
    """A run that passed; changes are of the run's fields, or of stages by their names with `_` for `-`."""

    def made(**changes: Any) -> Run:
        stages = {name: ran(name) for name in NAMES}
        stages["train"] = ran("train", outputs={"model": Stored("model.pt", DATA, 10)})
        stages["gate"] = ran("gate", check("roc_auc", 0.8, ">=", 0.6, samples=400, interval=(0.7, 0.9)))
        stages["load-test"] = ran("load-test", check("p99 latency", 3.0, "<=", 50, unit="ms", samples=1000))
        given = {name: changes.pop(name.replace("-", "_"), one) for name, one in stages.items()}
        column = ColumnProfile(rows=100, nulls=0, categories={"a": 60, "b": 40}, kind="text")
        run = Run(
            project="risk",
            run_id="0123456789ab",
            build=7,
            attempt=1,
            begun="2026-01-02T03:04:05.000+00:00",
            mlagent="0.1",
            commit="c" * 40,
            dirty=False,
            facts={"data": DATA, "accepted-data": ""},
            config={"train": {"epochs": 3}, "gate": {"roc_auc_min": 0.6}},
            sources={"train.epochs": "default", "gate.roc_auc_min": "mlpipeline.yaml:9"},
            alive="",
            stages=tuple(given.values()),
            profile=profile(kind=column),
            accepted=Missing("no other rows were accepted before these"),
            epochs=[{"epoch": n, "train_loss": 1 / n, "validation_loss": 1.1 / n} for n in (1, 2, 3)],
            evaluation=measured("binary"),
            load=load(np.random.default_rng(1).gamma(2, size=500)),
        )
        return msgspec.structs.replace(run, **changes)

    return made
