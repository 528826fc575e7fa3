"""Curves for a report, as few points as show them."""

import msgspec
import numpy as np

MOST = 200


class Curve(msgspec.Struct, frozen=True):
    """Points (x, y) in order, at most 200."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Reliability(msgspec.Struct, frozen=True):
    """A bin a place: the mean probability, the share of 1 that came true, the rows."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]


def roc(probability: np.ndarray, target: np.ndarray) -> Curve:
    """False positive rate against recall of a probability (n,) and target 0 or 1 (n,), from (0, 0) to (1, 1)."""
    said, hits = _counts(probability, target)
    return _thinned((said - hits) / _some(said[-1] - hits[-1], "0"), hits / _some(hits[-1], "1"))


def precision_recall(probability: np.ndarray, target: np.ndarray) -> Curve:
    """Recall against precision of a probability (n,) and target 0 or 1 (n,), from (0, 1) to recall 1."""
    said, hits = _counts(probability, target)
    precision = np.append(1.0, hits[1:] / said[1:])
    return _thinned(hits / _some(hits[-1], "1"), precision)


def reliability(probability: np.ndarray, target: np.ndarray, bins: int = 10) -> Reliability:
    """What was said against what came true, in at most `bins` bins of like many rows; equal ones share one."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, min(bins, MOST) + 1)[1:-1]))
    found = np.searchsorted(edges, probability, side="right")
    rows = np.bincount(found)
    there = rows > 0
    sums = (np.bincount(found, values)[there] / rows[there] for values in (probability, target))
    predicted, observed = (tuple(one.tolist()) for one in sums)
    return Reliability(predicted, observed, tuple(rows[there].tolist()))


def _counts(probability: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many are said to be 1, and rightly, from no row on and then at each distinct probability, falling."""
    order = np.argsort(-probability, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
    hits = np.cumsum(target[order], dtype=np.float64)[ends]
    return np.append(0.0, ends + 1.0), np.append(0.0, hits)


def _some(count: float, label: str) -> float:
    if not count:
        raise ValueError(f"no row is labelled {label}: there is no such curve")
    return count


def _thinned(x: np.ndarray, y: np.ndarray) -> Curve:
    """Both ends, and between them points evenly spread along the curve's length."""
    if len(x) > MOST:
        along = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], MOST)).clip(0, len(x) - 1))
        kept[-1] = len(x) - 1
        x, y = x[kept], y[kept]
    return Curve(tuple(x.tolist()), tuple(y.tolist()))
