"""The page that a pull request can show."""

import pytest

from mlagent.core.verdict import check, verdict
from mlagent.report.markdown import Evaluation, Interval, Model, page

GOOD = check("accuracy", 0.91234, ">=", 0.9, samples=100)
BAD = check("p99 | latency", 60, "<=", 50, unit="ms", samples=1000)


def shown(evaluation: Evaluation | None = None) -> str:
    judged = [("gate", verdict("gate", [GOOD, BAD], inputs={}, tools={}))]
    return page("digits: gate refused", [("run", "abc")], [("gate", "refused", "a | b\n`c`")], judged, evaluation)


def test_every_check_has_a_row_and_no_text_leaves_its_cell() -> None:
    lines = shown().splitlines()
    assert "| gate | accuracy | 0.9123 | >= 0.9 | 100 | pass |" in lines
    assert r"| gate | p99 \| latency | 60 ms | <= 50 ms | 1000 | fail |" in lines
    assert r"| gate | refused | a \| b \`c\` |" in lines


@pytest.mark.parametrize(
    ("evaluation", "expected"),
    [
        (
            Evaluation(
                rows=347,
                level=0.95,
                models={
                    "model": Model({"auc": Interval(0.9, 0.8, 1.0)}, {"production": {"auc": Interval(0.1, 0, 0.2)}})
                },
                others={"production": {"auc": Interval(0.8, 0.7, 0.9)}},
            ),
            "| auc | 0.9 (0.8 to 1) | 0.8 | 0.1 (0 to 0.2) |",
        ),
        (
            Evaluation(rows=1, level=0.95, models={"model": Model({"auc": Interval(None, None, None)})}),
            "Not compared with production: there is no model in production.",
        ),
        (
            Evaluation(rows=1, level=0.95, models={"model": Model({})}, unknown={"production": "its file is gone"}),
            "Not compared with production: its file is gone.",
        ),
    ],
)
def test_metrics_stand_beside_those_of_production_or_it_says_why_not(evaluation: Evaluation, expected: str) -> None:
    assert expected in shown(evaluation).splitlines()


def test_of_a_long_verdict_only_what_did_not_pass_is_shown() -> None:
    judged = verdict("data", [GOOD] * 30 + [BAD], inputs={}, tools={})
    text = page("x", [], [], [("data", judged)], None)
    assert text.count("| data |") == 1
