"""Figures of each group of rows, for many weightings of the rows at once."""

from collections.abc import Callable, Sequence

import numpy as np

from mlagent.measure.metrics import Task, check
from mlagent.measure.ranking import divided

Figures = dict[str, np.ndarray]  # by name, (groups, b) each


class Table:
    """Sums of columns (n,) by group, from which figures are made; every code 0 to the highest is there.

    `about` names each figure that is compared between groups, and the count of the rows it is about.
    """

    def __init__(
        self,
        columns: Sequence[np.ndarray],
        codes: np.ndarray,
        figures: Callable[[np.ndarray], Figures],
        about: tuple[tuple[str, str], ...],
    ) -> None:
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.flatnonzero(np.diff(codes[self._order], prepend=-1))
        self._columns = [column[self._order].astype(np.float64) for column in columns]
        self._figures = figures
        self.about = about

    def compute(self, weights: np.ndarray) -> Figures:
        """Every figure of every group, (groups, b) each, of weights (b, n)."""
        ordered = weights.take(self._order, axis=1).astype(np.float64)
        sums = [np.add.reduceat(ordered * column, self._starts, axis=1).T for column in self._columns]
        return self._figures(np.stack(sums))


BINARY = (("selection_rate", "rows"), ("tpr", "positives"), ("fpr", "negatives"), ("accuracy", "rows"))
MULTICLASS = (("accuracy", "rows"),)
NUMERIC = (("bias", "rows"), ("mae", "rows"))


def prepare(
    task: Task, prediction: np.ndarray, target: np.ndarray, codes: np.ndarray, threshold: float | None
) -> Table:
    """The figures that fit the task, of the groups in `codes` (n,); a ValueError says what does not fit.

    A prediction that is not finite makes its group's figures NaN.
    """
    check(task, prediction, target)
    unknown = ~np.isfinite(prediction.reshape(len(prediction), -1)).all(axis=1)
    ones = np.ones(len(target))
    if task == "binary":
        said = np.where(unknown, np.nan, prediction >= (0.5 if threshold is None else threshold))
        return Table([ones, target, said, said * target], codes, _binary, BINARY)
    if task == "multiclass":
        right = np.where(unknown, np.nan, prediction.argmax(axis=1) == target)
        return Table([ones, right], codes, _multiclass, MULTICLASS)
    error = np.where(unknown, np.nan, prediction) - target
    return Table([ones, error, np.abs(error)], codes, _numeric, NUMERIC)


def _binary(sums: np.ndarray) -> Figures:
    rows, positives, selected, hits = sums
    negatives = rows - positives
    return {
        "rows": rows,
        "positives": positives,
        "negatives": negatives,
        "selected": selected,
        "selection_rate": divided(selected, rows),
        "tpr": divided(hits, positives),
        "fpr": divided(selected - hits, negatives),
        "precision": divided(hits, selected),
        "accuracy": divided(rows - selected - positives + 2 * hits, rows),
    }


def _multiclass(sums: np.ndarray) -> Figures:
    rows, right = sums
    return {"rows": rows, "accuracy": divided(right, rows)}


def _numeric(sums: np.ndarray) -> Figures:
    rows, error, absolute = sums
    return {"rows": rows, "bias": divided(error, rows), "mae": divided(absolute, rows)}
