"""From which probability on a model says yes, chosen on validation rows."""

from typing import Literal

import msgspec
import numpy as np

Objective = Literal["f1", "youden", "accuracy"] | tuple[Literal["selection_rate"], float]

ROUNDING = 1e-12  # what is nearer to the best is as good


class Chosen(msgspec.Struct, frozen=True):
    """Rows with at least this probability are said to be 1; `score` is what the objective then is on the rows seen."""

    threshold: float
    score: float


def choose(probability: np.ndarray, target: np.ndarray, objective: Objective) -> Chosen:
    """The best of all distinct probabilities (n,) as a threshold, by the target 0 or 1 (n,); the highest of equals.

    Youden's index (1950) is recall and specificity less 1. ("selection_rate", share) comes as near as can be to saying
    1 of that share of the rows. At least the rows with the highest probability are always said to be 1.
    """
    if not len(probability) or not np.isfinite(probability).all():
        raise ValueError("a threshold needs probabilities, all of them numbers")
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    said, hits = ends + 1.0, np.cumsum(target[order], dtype=np.float64)[ends]
    scores = _scores(objective, said, hits)
    badness = np.abs(scores - objective[1]) if isinstance(objective, tuple) else -scores
    at = int(np.argmax(badness <= badness.min() + ROUNDING))
    return Chosen(float(falling[ends[at]]), float(scores[at]))


def _scores(objective: Objective, said: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """The objective at each threshold, highest first, from how many are said to be 1 and how many of them are."""
    rows, positives = float(said[-1]), float(hits[-1])
    if objective in ("f1", "youden") and (not positives or (objective == "youden" and positives == rows)):
        raise ValueError(f"no threshold has the best {objective}: only one class is there")
    if objective == "f1":
        found = 2 * hits / (said + positives)
    elif objective == "youden":
        found = hits / positives - (said - hits) / (rows - positives)
    else:
        found = said / rows if isinstance(objective, tuple) else (rows - positives - said + 2 * hits) / rows
    return np.asarray(found)
