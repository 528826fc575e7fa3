"""How far a metric would move had other rows been drawn; several models always on the same draws."""

from collections.abc import Mapping

import msgspec
import numpy as np

from mlagent.measure.metrics import Task, prepare
from mlagent.measure.resample import blocks

UNDEFINED_MOST = 0.01  # of the resamples; beyond it an interval of the rest would flatter


class Interval(msgspec.Struct, frozen=True):
    """A figure of all rows and its interval; `undefined` is in how many resamples it was not a number."""

    value: float
    low: float
    high: float
    undefined: int = 0


class Evaluated(msgspec.Struct, frozen=True, eq=False):
    """Every model's metrics: the interval, and what it was in each resample (resamples,), the same for all models."""

    level: float
    metrics: Mapping[str, Mapping[str, Interval]]
    draws: Mapping[str, Mapping[str, np.ndarray]]

    def paired(self, candidate: str, other: str, metric: str) -> Interval:
        """The metric of `candidate` less that of `other`, on the same rows resample by resample."""
        value = self.metrics[candidate][metric].value - self.metrics[other][metric].value
        return interval(value, self.draws[candidate][metric] - self.draws[other][metric], self.level)


def intervals(
    task: Task,
    predictions: Mapping[str, np.ndarray],
    target: np.ndarray,
    *,
    thresholds: Mapping[str, float] | None = None,
    resamples: int = 1000,
    seed: int = 1,
    level: float = 0.95,
) -> Evaluated:
    """Every metric of every model with its percentile bootstrap interval (Efron 1979), rows drawn with replacement."""
    scorers = {name: prepare(task, one, target, (thresholds or {}).get(name)) for name, one in predictions.items()}
    plain = {name: one.compute(np.ones((1, len(target)))) for name, one in scorers.items()}
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in scorers}
    for weights in blocks(len(target), resamples, seed):
        for name, one in scorers.items():
            parts[name].append(one.compute(weights))
    draws = {name: joined(found) for name, found in parts.items()}
    return Evaluated(level, {name: of_all(plain[name], draws[name], level) for name in scorers}, draws)


def joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The blocks' figures (b,) one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def of_all(plain: Mapping[str, np.ndarray], draws: Mapping[str, np.ndarray], level: float) -> dict[str, Interval]:
    """The interval of every figure: its value (1,) on all rows and its draws."""
    return {name: interval(float(value[0]), draws[name], level) for name, value in plain.items()}


def interval(value: float, draws: np.ndarray, level: float) -> Interval:
    """The percentile interval of draws; NaN if it is undefined on all rows, or in more than 1 % of the resamples."""
    there = draws[np.isfinite(draws)]
    undefined = len(draws) - len(there)
    if np.isnan(value) or not len(there) or undefined > UNDEFINED_MOST * len(draws):
        return Interval(value, np.nan, np.nan, undefined)
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), undefined)
